import type { Empty } from '../../../gen/google/protobuf/empty.js';
import { DeleteApiKeyRequest } from '../../../gen/keelson/identity/v1/identity_service.js';
import type { CallContext } from '../../rpc/context.js';
import { changeOptions } from '../change-request.js';
import type { IdentityDeps } from './identity-deps.js';

/** Deletes an API key, unless it is the last that somebody could call with who may do everything. */
export function createDeleteApiKey({ identities, owners }: Pick<IdentityDeps, 'identities' | 'owners'>) {
  const { apiKeys } = identities;
  return async function deleteApiKey(ctx: CallContext, request: DeleteApiKeyRequest): Promise<Empty> {
    const { name, etag, requestId } = request;
    const encode = () => DeleteApiKeyRequest.encode(request).finish();
    const account = name.slice(0, name.indexOf('/apiKeys/'));
    await owners.change(
      async (view) => {
        const { guard } = await apiKeys.keysOf(view, account);
        const lasting = await apiKeys.lastingKeysOf(view, account);
        if (lasting.every((key) => key === name)) await owners.assertNotLast(view, account);
        return [...(await apiKeys.keys.writes.delete(view, { name, etag })), guard];
      },
      changeOptions(ctx, { method: 'DeleteApiKey', requestId, encode }),
    );
    return {};
  };
}
