import type { Ledger } from '../ledger/ledger.js';
import type { StateDocument } from '../store/state.js';
import type { ReadContext } from './read-context.js';
import { openReplica } from './replica.js';
import type { SweepableResource } from './sweeper.js';

export const SIGNING_KEYS_COLLECTION = 'signing_keys';

/** What is deleted once nothing that it has signed is valid any more. */
export const SIGNING_KEYS: SweepableResource = {
  collection: SIGNING_KEYS_COLLECTION,
  expireTime: { field: { kind: 'value', keys: ['expireTime'] }, stored: 'milliseconds' },
};

/** A key pair as it is stored. Times are milliseconds since 1970. */
export interface StoredSigningKey {
  readonly kid: string;
  /** The public key, in base64url. */
  readonly x: string;
  /** The private key, encrypted. */
  readonly sealed: string;
  readonly activateTime: number;
  readonly expireTime: number;
}

/** The signing keys of the database, as this process has read the log. */
export interface SigningKeys {
  /** In the order in which they become active. */
  all(): Promise<readonly StoredSigningKey[]>;
  /** Adds a key unless there is one of that id. It is there when this resolves. */
  add(key: StoredSigningKey): Promise<void>;
  close(): void;
}

export async function openSigningKeys(ledger: Ledger): Promise<SigningKeys> {
  const collection = SIGNING_KEYS_COLLECTION;
  await ledger.declareCollections([collection]);
  const keys = new Map<string, StoredSigningKey>();
  let sorted: readonly StoredSigningKey[] = [];
  const sort = () => {
    sorted = [...keys.values()].sort((a, b) => a.activateTime - b.activateTime);
  };
  const observer = {
    clear: () => {
      keys.clear();
      sort();
    },
    set: (_collection: string, id: string, document: StateDocument | undefined) => {
      if (document === undefined) keys.delete(id);
      else keys.set(id, toKey(document));
      sort();
    },
  };
  const replica = await openReplica({ ledger, collections: [collection], observer });
  return {
    all: async () => {
      await replica.reach(ANY);
      return sorted;
    },
    add: async (key) => {
      await ledger.transact(async (view) => {
        if ((await view.get(collection, key.kid)) !== undefined) return [];
        return [{ kind: 'put', collection, id: key.kid, value: { ...key } }];
      });
      await replica.reach();
    },
    close: () => replica.close(),
  };
}

const ANY: ReadContext = { consistency: { freshness: 'any', saw: () => undefined } };

/** Only `add` writes into the collection. */
function toKey({ id, value }: StateDocument): StoredSigningKey {
  return {
    kid: id,
    x: String(value['x'] as string),
    sealed: String(value['sealed'] as string),
    activateTime: Number(value['activateTime']),
    expireTime: Number(value['expireTime']),
  };
}
