import type {
  AccessCheck,
  BatchCheckAccessRequest,
  BatchCheckAccessResponse,
  CheckAccessRequest,
  CheckAccessResponse,
} from '../../../gen/keelson/access/v1/access_service.js';
import type { CallContext } from '../../rpc/context.js';
import { ServiceError } from '../../rpc/errors.js';
import type { AccessDecisions } from './access-decisions.js';

const CHECK_PERMISSION = 'access.decisions.check';

/** Answers whether principals hold permissions. */
export function createCheckAccess({ decisions }: { readonly decisions: AccessDecisions }) {
  return {
    checkAccess: async (ctx: CallContext, { check }: CheckAccessRequest): Promise<CheckAccessResponse> => {
      await decisions.reach(ctx);
      return { allowed: check !== undefined && decideFor(decisions, ctx, check) };
    },

    batchCheckAccess: async (
      ctx: CallContext,
      { checks }: BatchCheckAccessRequest,
    ): Promise<BatchCheckAccessResponse> => {
      await decisions.reach(ctx);
      // From here on there is no await: all are decided on one state.
      return { allowed: checks.map((check) => decideFor(decisions, ctx, check)) };
    },
  };
}

/** Decides by what this process knows; see AccessDecisions.reach(). Throws PERMISSION_DENIED to who may not ask. */
export function decideFor(
  decisions: AccessDecisions,
  ctx: Pick<CallContext, 'caller'>,
  { principal, permission, resource }: AccessCheck,
): boolean {
  if (principal === '' || principal === ctx.caller.name) return decisions.callerMay(ctx.caller, permission, resource);
  assertMayAsk(decisions, ctx, resource);
  return decisions.principalMay(principal, permission, resource);
}

/** Whoever asks about others learns who may do what: that is a permission of its own. */
export function assertMayAsk(
  decisions: AccessDecisions,
  { caller }: Pick<CallContext, 'caller'>,
  resource: string,
): void {
  if (decisions.callerMay(caller, CHECK_PERMISSION, resource)) return;
  throw new ServiceError('PERMISSION_DENIED', `Permission "${CHECK_PERMISSION}" on "${resource}" is denied`, {
    metadata: { permission: CHECK_PERMISSION, resource },
  });
}
