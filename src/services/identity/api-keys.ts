import {
  type ApiKeyToken,
  type CreateApiKeyRequest,
  type GetApiKeyRequest,
  type ListApiKeysRequest,
  type ListApiKeysResponse,
  type RotateApiKeyRequest,
} from '../../../gen/keelson/identity/v1/identity_service.js';
import { ApiKey } from '../../../gen/keelson/identity/v1/resources.js';
import { API_KEYS_PER_ACCOUNT_MAX, type StoredApiKey } from '../../repositories/api-keys.js';
import type { CallContext } from '../../rpc/context.js';
import { ServiceError } from '../../rpc/errors.js';
import { changeOptions } from '../change-request.js';
import { pageSizeOf } from '../page-size.js';
import { toMs, toTimestamp } from '../timestamp.js';
import { EVERY_PERMISSION } from '../access/permission-pattern.js';
import type { IdentityDeps } from './identity-deps.js';
import { createSecret, formatToken, hashSecret, tokenPrefix } from './token.js';
import { v7 as uuidv7 } from 'uuid';

const NOT_REPEATABLE = { requestId: '', encode: () => new Uint8Array() } as const;

type ApiKeyDeps = Pick<IdentityDeps, 'identities' | 'owners' | 'keyUses' | 'clock'>;

/** The methods of API keys. */
export function createApiKeyMethods({ identities, owners, keyUses, clock }: ApiKeyDeps) {
  const { principals, apiKeys, change } = identities;
  const { keys } = apiKeys;
  const { collection, codec } = keys.definition;
  const toMessage = async ({ key }: StoredApiKey, signal: AbortSignal): Promise<ApiKey> => {
    const lastUseMs = await keyUses.lastUse(key.name, signal);
    return { ...key, lastUseTime: lastUseMs === undefined ? undefined : toTimestamp(lastUseMs) };
  };
  return {
    createApiKey: async (ctx: CallContext, request: CreateApiKeyRequest): Promise<ApiKeyToken> => {
      const { parent, apiKeyId } = request;
      const id = apiKeyId || uuidv7();
      const keyName = `${parent}/apiKeys/${id}`;
      const secret = createSecret();
      const { displayName, scopes, expireTime } = ApiKey.fromPartial(request.apiKey ?? {});
      const key = ApiKey.fromPartial({ displayName, scopes, expireTime, tokenPrefix: tokenPrefix(keyName) });
      // Whoever has the token can do whatever the account may.
      owners.assertHoldsAllOf(ctx.caller, parent, scopesOf(key));
      await principals.serviceAccounts.get(parent, ctx);
      const [created] = await change(
        async (view) => {
          // Whoever deletes the account meanwhile is not overtaken.
          await view.get(principals.serviceAccounts.definition.collection, parent);
          const { names, guard } = await apiKeys.keysOf(view, parent);
          if (names.length >= API_KEYS_PER_ACCOUNT_MAX) throw tooManyKeys(parent);
          const content = { key, secretHash: hashSecret(secret), previousSecretHash: '' };
          return [await keys.writes.create(view, { parent, id, content }), guard];
        },
        changeOptions(ctx, { method: 'CreateApiKey', ...NOT_REPEATABLE }),
      );
      return { apiKey: created && codec.decode(created).key, token: formatToken({ keyName, secret }) };
    },

    getApiKey: async (ctx: CallContext, { name }: GetApiKeyRequest): Promise<ApiKey> =>
      toMessage(await keys.get(name, ctx), ctx.signal),

    listApiKeys: async (ctx: CallContext, request: ListApiKeysRequest): Promise<ListApiKeysResponse> => {
      const { parent, pageToken } = request;
      const query = { parent, pageSize: pageSizeOf(request), pageToken };
      const { resources, nextPageToken } = await keys.list(query, ctx);
      return { apiKeys: await Promise.all(resources.map((key) => toMessage(key, ctx.signal))), nextPageToken };
    },

    rotateApiKey: async (ctx: CallContext, { name, overlap }: RotateApiKeyRequest): Promise<ApiKeyToken> => {
      const secret = createSecret();
      const overlapMs = overlap === undefined ? 0 : toMs(overlap);
      const [rotated] = await change(
        async (view) => {
          const existing = await view.get(collection, name);
          const before = existing && codec.decode(existing);
          owners.assertHoldsAllOf(ctx.caller, name.slice(0, name.indexOf('/apiKeys/')), scopesOf(before?.key));
          const key = ApiKey.fromPartial({
            ...before?.key,
            previousTokenExpireTime: overlapMs === 0 ? undefined : toTimestamp(clock.now() + overlapMs),
          });
          const previousSecretHash = overlapMs === 0 ? '' : (before?.secretHash ?? '');
          const content = { key, secretHash: hashSecret(secret), previousSecretHash };
          return [await keys.writes.update(view, { name, etag: '', mask: undefined, content })];
        },
        changeOptions(ctx, { method: 'RotateApiKey', ...NOT_REPEATABLE }),
      );
      return { apiKey: rotated && codec.decode(rotated).key, token: formatToken({ keyName: name, secret }) };
    },
  };
}

/** What a key may do of what its account may. */
function scopesOf(key: ApiKey | undefined): readonly string[] {
  return key === undefined || key.scopes.length === 0 ? [EVERY_PERMISSION] : key.scopes;
}

function tooManyKeys(account: string): ServiceError {
  return new ServiceError(
    'QUOTA_EXCEEDED',
    `Cannot create an API key of "${account}": it has ${API_KEYS_PER_ACCOUNT_MAX}, which is the most`,
    { metadata: { resource: account, max: String(API_KEYS_PER_ACCOUNT_MAX) } },
  );
}
