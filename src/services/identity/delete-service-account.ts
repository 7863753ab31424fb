import type { Empty } from '../../../gen/google/protobuf/empty.js';
import { DeleteServiceAccountRequest } from '../../../gen/keelson/identity/v1/identity_service.js';
import type { CallContext } from '../../rpc/context.js';
import { changeOptions } from '../change-request.js';
import type { IdentityDeps } from './identity-deps.js';
import { certificateNamesOf } from './service-accounts.js';

/** Deletes a service account with its keys, and gives its certificate names free. */
export function createDeleteServiceAccount({ identities, owners }: Pick<IdentityDeps, 'identities' | 'owners'>) {
  const { principals, apiKeys } = identities;
  const { serviceAccounts } = principals;
  return async function deleteServiceAccount(ctx: CallContext, request: DeleteServiceAccountRequest): Promise<Empty> {
    const { name, etag, requestId } = request;
    const encode = () => DeleteServiceAccountRequest.encode(request).finish();
    await owners.change(
      async (view) => {
        await owners.assertNotLast(view, name);
        const before = certificateNamesOf((await view.get(serviceAccounts.definition.collection, name))?.value);
        const { names, guard } = await apiKeys.keysOf(view, name);
        const { collection } = apiKeys.keys.definition;
        return [
          ...(await serviceAccounts.writes.delete(view, { name, etag })),
          ...(await principals.nameCertificates(view, { account: name, before, after: [] })),
          ...names.map((id) => ({ kind: 'delete', collection, id }) as const),
          guard,
        ];
      },
      changeOptions(ctx, { method: 'DeleteServiceAccount', requestId, encode }),
    );
    return {};
  };
}
