import {
  CreateServiceAccountRequest,
  UpdateServiceAccountRequest,
  type GetServiceAccountRequest,
  type ListServiceAccountsRequest,
  type ListServiceAccountsResponse,
} from '../../../gen/keelson/identity/v1/identity_service.js';
import { ServiceAccount } from '../../../gen/keelson/identity/v1/resources.js';
import type { CallContext } from '../../rpc/context.js';
import type { JsonObject } from '../../store/json-value.js';
import { changeOptions } from '../change-request.js';
import { pageSizeOf } from '../page-size.js';
import type { IdentityDeps } from './identity-deps.js';

/** The standard methods of service accounts. */
export function createServiceAccountMethods({ identities, owners }: Pick<IdentityDeps, 'identities' | 'owners'>) {
  const { principals, change } = identities;
  const { serviceAccounts } = principals;
  const { codec } = serviceAccounts.definition;
  return {
    createServiceAccount: async (ctx: CallContext, request: CreateServiceAccountRequest): Promise<ServiceAccount> => {
      const { serviceAccountId: id, requestId } = request;
      const content = ServiceAccount.fromPartial(request.serviceAccount ?? {});
      const encode = () => CreateServiceAccountRequest.encode(request).finish();
      const [created] = await change(
        async (view) => {
          const write = await serviceAccounts.writes.create(view, { parent: '', id, content });
          // Whoever holds such a certificate can do whatever is bound to the name already.
          if (content.certificateNames.length > 0) owners.assertHoldsAllOf(ctx.caller, write.id);
          const naming = { account: write.id, before: [], after: content.certificateNames };
          return [write, ...(await principals.nameCertificates(view, naming))];
        },
        changeOptions(ctx, { method: 'CreateServiceAccount', requestId, encode }),
      );
      return created === undefined ? content : codec.decode(created);
    },

    getServiceAccount: (ctx: CallContext, { name }: GetServiceAccountRequest): Promise<ServiceAccount> =>
      serviceAccounts.get(name, ctx),

    listServiceAccounts: async (
      ctx: CallContext,
      request: ListServiceAccountsRequest,
    ): Promise<ListServiceAccountsResponse> => {
      const { pageToken, filter } = request;
      const query = { parent: '', pageSize: pageSizeOf(request), pageToken, filter };
      const { resources, nextPageToken } = await serviceAccounts.list(query, ctx);
      return { serviceAccounts: [...resources], nextPageToken };
    },

    updateServiceAccount: async (ctx: CallContext, request: UpdateServiceAccountRequest): Promise<ServiceAccount> => {
      const { updateMask: mask, requestId } = request;
      const content = ServiceAccount.fromPartial(request.serviceAccount ?? {});
      const { name, etag } = content;
      const encode = () => UpdateServiceAccountRequest.encode(request).finish();
      const [updated] = await owners.change(
        async (view) => {
          const before = certificateNamesOf((await view.get(serviceAccounts.definition.collection, name))?.value);
          const write = await serviceAccounts.writes.update(view, { name, etag, mask, content });
          if (write.kind === 'put' && write.value['disabled'] === true) await owners.assertNotLast(view, name);
          const after = write.kind === 'put' ? certificateNamesOf(write.value) : [];
          // Whoever holds such a certificate can call as the account from then on.
          if (after.some((uri) => !before.includes(uri))) owners.assertHoldsAllOf(ctx.caller, name);
          return [write, ...(await principals.nameCertificates(view, { account: name, before, after }))];
        },
        changeOptions(ctx, { method: 'UpdateServiceAccount', requestId, encode }),
      );
      return updated === undefined ? content : codec.decode(updated);
    },
  };
}

/** The URI names of certificates in what is stored of an account. */
export function certificateNamesOf(value: JsonObject | undefined): readonly string[] {
  return (value?.['certificate_names'] ?? []) as readonly string[];
}
