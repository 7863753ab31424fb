import type { Ledger } from '../ledger/ledger.js';
import type { StateDocument } from '../store/state.js';

/** The ledger collection that holds all API keys, by their ids. */
export const API_KEYS_COLLECTION = 'api_keys';

/** An API key as it is stored: enough to recognise it, never enough to use it. */
export interface ApiKey {
  readonly id: string;
  /** The resource name of whom it stands for. */
  readonly principal: string;
  /** SHA-256 of the secret in hex. A random secret of 256 bits needs no slow hash. */
  readonly secretHash: string;
  /** What its bearer may do; `*` is everything. */
  readonly permissions: readonly string[];
}

/** The API keys of the database. */
export interface ApiKeys {
  get(id: string): Promise<ApiKey | undefined>;
  /** Adds a key unless one of that id is there. Tells whether it was added. */
  add(key: ApiKey): Promise<boolean>;
}

export function createApiKeys(ledger: Ledger): ApiKeys {
  return {
    async get(id) {
      const state = await ledger.get(API_KEYS_COLLECTION, id);
      return state === undefined ? undefined : toApiKey(state);
    },
    async add({ id, principal, secretHash, permissions }) {
      const value = { principal, secretHash, permissions };
      const result = await ledger.transact(async (view) => {
        const existing = await view.get(API_KEYS_COLLECTION, id);
        return existing === undefined ? [{ kind: 'put', collection: API_KEYS_COLLECTION, id, value }] : [];
      });
      return result.documents.length > 0;
    },
  };
}

function toApiKey({ id, value }: StateDocument): ApiKey {
  // Only this file writes into the collection, and always with these three.
  return { id, ...(value as unknown as Omit<ApiKey, 'id'>) };
}
