import type { Write } from '../ledger/commit.js';
import type { Ledger } from '../ledger/ledger.js';

/** Holds the hashes of passwords, by the names of the users; beside the users, so that nobody lists them. */
export const PASSWORDS_COLLECTION = 'passwords';

export interface StoredPassword {
  /** In the PHC string format, which holds the parameters. */
  readonly hash: string;
  /** The revision that wrote it. */
  readonly revision: number;
}

export interface Passwords {
  /** As it is now. */
  find(user: string, signal?: AbortSignal): Promise<StoredPassword | undefined>;
  put(user: string, hash: string): Write;
  remove(user: string): Write;
  /** Puts a better hash of the same password in the place of one, unless that was replaced meanwhile. */
  upgrade(user: string, old: StoredPassword, hash: string): Promise<void>;
}

export function createPasswords(ledger: Ledger): Passwords {
  const collection = PASSWORDS_COLLECTION;
  const put = (user: string, hash: string): Write => ({ kind: 'put', collection, id: user, value: { hash } });
  return {
    find: async (user, signal) => {
      const found = await ledger.get(collection, user, { signal });
      return found && { hash: String(found.value['hash'] as string), revision: found.revision };
    },
    put,
    remove: (user) => ({ kind: 'delete', collection, id: user }),
    upgrade: async (user, { revision }, hash) => {
      await ledger.transact(async (view) => {
        const current = await view.get(collection, user);
        return current?.revision === revision ? [put(user, hash)] : [];
      });
    },
  };
}
