import {
  CreateBindingRequest,
  DeleteBindingRequest,
  UpdateBindingRequest,
  type GetBindingRequest,
  type ListBindingsRequest,
  type ListBindingsResponse,
} from '../../../gen/keelson/access/v1/access_policy_service.js';
import type { Empty } from '../../../gen/google/protobuf/empty.js';
import { Binding } from '../../../gen/keelson/access/v1/resources.js';
import type { CallContext } from '../../rpc/context.js';
import { invalidRequest } from '../../rpc/errors.js';
import { compileCondition, ConditionError } from './condition.js';
import { changePolicy, type AccessDeps } from './change-policy.js';
import { pageSizeOf } from '../page-size.js';

/** The standard methods of bindings. */
export function createBindingMethods(deps: AccessDeps) {
  const { guard, policies } = deps;
  const { bindings } = policies;
  const assertUsable = (ctx: CallContext, after: Binding | undefined) => {
    if (after === undefined) return;
    assertCompiles(after);
    guard.assertMayBind(ctx.caller, after);
  };
  return {
    createBinding: async (ctx: CallContext, request: CreateBindingRequest): Promise<Binding> => {
      const { bindingId, requestId } = request;
      const content = Binding.fromPartial(request.binding ?? {});
      const created = await changePolicy(deps, ctx, {
        resources: bindings,
        request: { method: 'CreateBinding', requestId, encode: () => CreateBindingRequest.encode(request).finish() },
        decide: async (view) => [await bindings.writes.create(view, { parent: '', id: bindingId, content })],
        check: ({ after }) => assertUsable(ctx, after),
      });
      return created ?? content;
    },

    getBinding: (ctx: CallContext, { name }: GetBindingRequest): Promise<Binding> => bindings.get(name, ctx),

    listBindings: async (ctx: CallContext, request: ListBindingsRequest): Promise<ListBindingsResponse> => {
      const { pageToken, filter } = request;
      const query = { parent: '', pageSize: pageSizeOf(request), pageToken, filter };
      const { resources, nextPageToken } = await bindings.list(query, ctx);
      return { bindings: [...resources], nextPageToken };
    },

    updateBinding: async (ctx: CallContext, request: UpdateBindingRequest): Promise<Binding> => {
      const { updateMask: mask, requestId } = request;
      const content = Binding.fromPartial(request.binding ?? {});
      const { name, etag } = content;
      const updated = await changePolicy(deps, ctx, {
        resources: bindings,
        request: { method: 'UpdateBinding', requestId, encode: () => UpdateBindingRequest.encode(request).finish() },
        decide: async (view) => [await bindings.writes.update(view, { name, etag, mask, content })],
        check: ({ after }, view) => {
          assertUsable(ctx, after);
          return guard.assertOwnerRemains(view, name, after);
        },
      });
      return updated ?? content;
    },

    deleteBinding: async (ctx: CallContext, request: DeleteBindingRequest): Promise<Empty> => {
      const { name, etag, requestId } = request;
      await changePolicy(deps, ctx, {
        resources: bindings,
        request: { method: 'DeleteBinding', requestId, encode: () => DeleteBindingRequest.encode(request).finish() },
        decide: (view) => bindings.writes.delete(view, { name, etag }),
        check: (_change, view) => guard.assertOwnerRemains(view, name, undefined),
      });
      return {};
    },
  };
}

function assertCompiles({ condition }: Binding): void {
  if (condition === undefined) return;
  try {
    compileCondition(condition.expression);
  } catch (err) {
    if (!(err instanceof ConditionError)) throw err;
    throw invalidRequest([{ field: 'binding.condition.expression', description: err.message }]);
  }
}
