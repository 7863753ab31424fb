import type { Ledger } from '../ledger/ledger.js';
import { defineResource } from './definition.js';
import { ResourceError } from './errors.js';
import { valueField } from './filter/schema.js';
import { createResources } from './resource.js';

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

/** API keys, by ids without a parent. Their secrets can be found by nobody. */
export const API_KEYS = defineResource<ApiKey>({
  type: 'keelson.dev/ApiKey',
  singular: 'API key',
  collection: API_KEYS_COLLECTION,
  pattern: '{api_key}',
  codec: {
    encode: ({ principal, secretHash, permissions }) => ({ principal, secretHash, permissions }),
    // Only this codec writes into the collection, and always with these three.
    decode: ({ id, value }) => ({ id, ...(value as unknown as Omit<ApiKey, 'id'>) }),
  },
  schema: new Map([
    ['name', { type: { kind: 'string' }, field: { kind: 'id' } }],
    valueField('principal', { kind: 'string' }),
    valueField('permissions', { kind: 'list', element: { kind: 'string' } }),
  ]),
});

export function createApiKeys(ledger: Ledger): ApiKeys {
  const keys = createResources({ ledger }, API_KEYS);
  return {
    get: (id) => keys.find(id),
    add: async (key) => {
      try {
        await keys.create({ parent: '', id: key.id, content: key });
        return true;
      } catch (err) {
        if (err instanceof ResourceError && err.failure === 'exists') return false;
        throw err;
      }
    },
  };
}
