import {
  CreateGroupRequest,
  DeleteGroupRequest,
  UpdateGroupRequest,
  type GetGroupRequest,
  type ListGroupsRequest,
  type ListGroupsResponse,
} from '../../../gen/keelson/access/v1/access_policy_service.js';
import type { Empty } from '../../../gen/google/protobuf/empty.js';
import { Group } from '../../../gen/keelson/access/v1/resources.js';
import type { CallContext } from '../../rpc/context.js';
import { changePolicy, type AccessDeps } from './change-policy.js';
import { pageSizeOf } from '../page-size.js';

/** The standard methods of groups. */
export function createGroupMethods(deps: AccessDeps) {
  const { guard, policies } = deps;
  const { groups } = policies;
  const assertMayAdd = (ctx: CallContext, before: Group | undefined, after: Group | undefined) => {
    const isNew = (member: string) => before?.members.includes(member) !== true;
    if (after?.members.some(isNew) === true) guard.assertMayJoin(ctx.caller, after.name);
  };
  return {
    createGroup: async (ctx: CallContext, request: CreateGroupRequest): Promise<Group> => {
      const { groupId, requestId } = request;
      const content = Group.fromPartial(request.group ?? {});
      const created = await changePolicy(deps, ctx, {
        resources: groups,
        request: { method: 'CreateGroup', requestId, encode: () => CreateGroupRequest.encode(request).finish() },
        decide: async (view) => [await groups.writes.create(view, { parent: '', id: groupId, content })],
        check: ({ before, after }) => assertMayAdd(ctx, before, after),
      });
      return created ?? content;
    },

    getGroup: (ctx: CallContext, { name }: GetGroupRequest): Promise<Group> => groups.get(name, ctx),

    listGroups: async (ctx: CallContext, request: ListGroupsRequest): Promise<ListGroupsResponse> => {
      const { pageToken, filter } = request;
      const query = { parent: '', pageSize: pageSizeOf(request), pageToken, filter };
      const { resources, nextPageToken } = await groups.list(query, ctx);
      return { groups: [...resources], nextPageToken };
    },

    updateGroup: async (ctx: CallContext, request: UpdateGroupRequest): Promise<Group> => {
      const { updateMask: mask, requestId } = request;
      const content = Group.fromPartial(request.group ?? {});
      const { name, etag } = content;
      const updated = await changePolicy(deps, ctx, {
        resources: groups,
        request: { method: 'UpdateGroup', requestId, encode: () => UpdateGroupRequest.encode(request).finish() },
        decide: async (view) => [await groups.writes.update(view, { name, etag, mask, content })],
        check: ({ before, after }) => assertMayAdd(ctx, before, after),
      });
      return updated ?? content;
    },

    deleteGroup: async (ctx: CallContext, request: DeleteGroupRequest): Promise<Empty> => {
      const { name, etag, requestId } = request;
      await changePolicy(deps, ctx, {
        resources: groups,
        request: { method: 'DeleteGroup', requestId, encode: () => DeleteGroupRequest.encode(request).finish() },
        decide: (view) => groups.writes.delete(view, { name, etag }),
        check: () => undefined,
      });
      return {};
    },
  };
}
