import type {
  AccessibleResource,
  ListAccessibleResourcesRequest,
  ListAccessibleResourcesResponse,
} from '../../../gen/keelson/access/v1/access_service.js';
import type { CallContext } from '../../rpc/context.js';
import type { AccessDecisions } from './access-decisions.js';
import type { AccessModel, Grant } from './access-model.js';
import { assertMayAsk } from './check-access.js';
import { EVERYTHING } from './decide.js';
import { coversAny } from './permission-pattern.js';

const RESOURCES_MAX = 10_000;

export interface ListAccessibleResourcesDeps {
  readonly model: AccessModel;
  readonly decisions: AccessDecisions;
}

/** Lists the resources on which a permission is held, each for itself and all below it. */
export function createListAccessibleResources({ model, decisions }: ListAccessibleResourcesDeps) {
  return async function listAccessibleResources(
    ctx: CallContext,
    request: ListAccessibleResourcesRequest,
  ): Promise<ListAccessibleResourcesResponse> {
    const { permission } = request;
    const principal = request.principal || ctx.caller.name;
    await decisions.reach(ctx);
    if (principal !== ctx.caller.name) assertMayAsk(decisions, ctx, EVERYTHING);
    else if (!coversAny(ctx.caller.permissions, permission)) return { resources: [], truncated: false };
    const nowMs = ctx.clock.now();
    const holds = ({ role, expireMs }: Grant) => nowMs < expireMs && coversAny(model.permissionsOf(role), permission);
    const held = new Map<string, boolean>();
    for (const [resource, grants] of model.holdingsOf(principal).byResource) {
      const granting = grants.filter(holds);
      if (granting.length > 0)
        held.set(
          resource,
          granting.every(({ condition }) => condition !== undefined),
        );
    }
    const resources = topmost(held);
    return { resources: resources.slice(0, RESOURCES_MAX), truncated: resources.length > RESOURCES_MAX };
  };
}

/** Leaves out what is below a resource on which the permission is held without a condition. */
function topmost(held: ReadonlyMap<string, boolean>): AccessibleResource[] {
  const isImplied = (resource: string) => ancestorsOf(resource).some((ancestor) => held.get(ancestor) === false);
  return [...held]
    .filter(([resource]) => !isImplied(resource))
    .map(([resource, conditional]) => ({ resource, conditional }))
    .sort((a, b) => (a.resource < b.resource ? -1 : 1));
}

function ancestorsOf(resource: string): string[] {
  if (resource === EVERYTHING) return [];
  const parts = resource.split('/');
  return [EVERYTHING, ...parts.slice(1).map((_part, index) => parts.slice(0, index + 1).join('/'))];
}
