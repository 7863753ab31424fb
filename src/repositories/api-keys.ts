import type { Registry } from '@bufbuild/protobuf';
import { ApiKey } from '../../gen/keelson/identity/v1/resources.js';
import type { Write } from '../ledger/commit.js';
import type { Ledger } from '../ledger/ledger.js';
import type { Freshness } from '../ledger/reads.js';
import type { TransactionView } from '../ledger/transact.js';
import type { JsonObject } from '../store/json-value.js';
import { defineResource, type ResourceDefinition } from './definition.js';
import { codecOfMessage } from './message-resource.js';
import { createResources, type Resources } from './resource.js';

/** Holds a document for each account with keys, which every change of which keys there are writes. */
export const API_KEY_GUARDS_COLLECTION = 'api_key_guards';

/** How many keys an account may have; to delete an account deletes them all in one commit. */
export const API_KEYS_PER_ACCOUNT_MAX = 100;

/** An API key as it is stored: enough to recognise its tokens, never enough to make one. */
export interface StoredApiKey {
  readonly key: ApiKey;
  /** SHA-256 of the secret in hex. A random secret of 256 bits needs no slow hash. */
  readonly secretHash: string;
  /** The same of the secret before the last rotation; empty without one. */
  readonly previousSecretHash: string;
}

/** The API keys of all service accounts. */
export interface ApiKeys {
  readonly keys: Resources<StoredApiKey>;
  find(name: string, freshness: Freshness): Promise<StoredApiKey | undefined>;
  /** The names of an account's keys, and what to write to be sure that the commit knows them all. */
  keysOf(view: TransactionView, account: string): Promise<KeysOfAccount>;
  /** The names of those that neither end nor are for a part of what the account may do. */
  lastingKeysOf(view: TransactionView, account: string): Promise<readonly string[]>;
}

export interface KeysOfAccount {
  readonly names: readonly string[];
  readonly guard: Write;
}

export function defineApiKeys(registry: Registry): ResourceDefinition<StoredApiKey> {
  const message = codecOfMessage<ApiKey>(registry, ApiKey, 'keelson.identity.v1.ApiKey');
  return defineResource<StoredApiKey>({
    type: 'keelson.dev/ApiKey',
    singular: 'API key',
    collection: 'api_keys',
    pattern: 'serviceAccounts/{service_account}/apiKeys/{api_key}',
    expireTime: 'expire_time',
    schema: message.schema,
    codec: {
      encode: ({ key, secretHash, previousSecretHash }): JsonObject => ({
        // When it was used last is kept elsewhere.
        ...message.encode({ ...key, lastUseTime: undefined }),
        secret_hash: secretHash,
        previous_secret_hash: previousSecretHash,
      }),
      decode: (state) => ({
        key: message.decode(state),
        secretHash: String(state.value['secret_hash'] as string),
        previousSecretHash: String(state.value['previous_secret_hash'] as string),
      }),
    },
  });
}

export interface ApiKeysDeps {
  readonly ledger: Ledger;
  readonly definition: ResourceDefinition<StoredApiKey>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export function createApiKeys({ ledger, definition, now }: ApiKeysDeps): ApiKeys {
  const { collection, codec } = definition;
  // The cache gives the same document until it changes.
  const decoded = new WeakMap<object, StoredApiKey>();
  const keysOf = async (view: TransactionView, account: string): Promise<KeysOfAccount> => {
    const guard = await view.get(API_KEY_GUARDS_COLLECTION, account);
    const prefix = `${account}/apiKeys/`;
    const { documents } = await ledger.scan(collection, { prefix, limit: API_KEYS_PER_ACCOUNT_MAX + 1 });
    const changes = Number(guard?.value['changes'] ?? 0) + 1;
    return {
      names: documents.map(({ id }) => id),
      guard: { kind: 'put', collection: API_KEY_GUARDS_COLLECTION, id: account, value: { changes } },
    };
  };
  return {
    keysOf,
    lastingKeysOf: async (view, account) => {
      const documents = await view.getMany(collection, (await keysOf(view, account)).names);
      return documents.flatMap((document) => {
        if (document === undefined) return [];
        const { key } = codec.decode(document);
        return key.expireTime === undefined && key.scopes.length === 0 ? [key.name] : [];
      });
    },
    keys: createResources({ ledger, now }, definition),
    find: async (name, freshness) => {
      const document = await ledger.get(collection, name, { freshness });
      if (document === undefined) return undefined;
      const known = decoded.get(document) ?? codec.decode(document);
      decoded.set(document, known);
      return known;
    },
  };
}
