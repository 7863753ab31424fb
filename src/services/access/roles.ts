import {
  CreateRoleRequest,
  DeleteRoleRequest,
  UpdateRoleRequest,
  type GetRoleRequest,
  type ListRolesRequest,
  type ListRolesResponse,
} from '../../../gen/keelson/access/v1/access_policy_service.js';
import type { Empty } from '../../../gen/google/protobuf/empty.js';
import { Role } from '../../../gen/keelson/access/v1/resources.js';
import type { CallContext } from '../../rpc/context.js';
import { ServiceError } from '../../rpc/errors.js';
import { EVERYTHING } from './decide.js';
import { changePolicy, type AccessDeps } from './change-policy.js';
import { pageSizeOf } from '../page-size.js';

/** The standard methods of roles. */
export function createRoleMethods(deps: AccessDeps) {
  const { guard, policies } = deps;
  const { roles } = policies;
  return {
    createRole: async (ctx: CallContext, request: CreateRoleRequest): Promise<Role> => {
      const { roleId, requestId } = request;
      const content = { ...Role.fromPartial(request.role ?? {}), builtIn: false };
      const created = await changePolicy(deps, ctx, {
        resources: roles,
        request: { method: 'CreateRole', requestId, encode: () => CreateRoleRequest.encode(request).finish() },
        decide: async (view) => [await roles.writes.create(view, { parent: '', id: roleId, content })],
        check: ({ after }) => guard.assertHolds(ctx.caller, after?.permissions ?? [], EVERYTHING),
      });
      return created ?? content;
    },

    getRole: (ctx: CallContext, { name }: GetRoleRequest): Promise<Role> => roles.get(name, ctx),

    listRoles: async (ctx: CallContext, request: ListRolesRequest): Promise<ListRolesResponse> => {
      const { pageToken, filter } = request;
      const query = { parent: '', pageSize: pageSizeOf(request), pageToken, filter };
      const { resources, nextPageToken } = await roles.list(query, ctx);
      return { roles: [...resources], nextPageToken };
    },

    updateRole: async (ctx: CallContext, request: UpdateRoleRequest): Promise<Role> => {
      const { updateMask: mask, requestId } = request;
      const content = { ...Role.fromPartial(request.role ?? {}), builtIn: false };
      const { name, etag } = content;
      const updated = await changePolicy(deps, ctx, {
        resources: roles,
        request: { method: 'UpdateRole', requestId, encode: () => UpdateRoleRequest.encode(request).finish() },
        decide: async (view) => [await roles.writes.update(view, { name, etag, mask, content })],
        check: ({ before, after }) => {
          assertNotBuiltIn(before);
          // Whoever has the role gets what is added, wherever they have it.
          const added = after?.permissions.filter((permission) => !before?.permissions.includes(permission)) ?? [];
          guard.assertHolds(ctx.caller, added, EVERYTHING);
        },
      });
      return updated ?? content;
    },

    deleteRole: async (ctx: CallContext, request: DeleteRoleRequest): Promise<Empty> => {
      const { name, etag, requestId } = request;
      await changePolicy(deps, ctx, {
        resources: roles,
        request: { method: 'DeleteRole', requestId, encode: () => DeleteRoleRequest.encode(request).finish() },
        decide: (view) => roles.writes.delete(view, { name, etag }),
        check: ({ before }) => assertNotBuiltIn(before),
      });
      return {};
    },
  };
}

function assertNotBuiltIn(role: Role | undefined): void {
  if (role?.builtIn !== true) return;
  throw new ServiceError('ROLE_BUILT_IN', `Cannot change role "${role.name}": it comes with Keelson`, {
    metadata: { resource: role.name },
  });
}
