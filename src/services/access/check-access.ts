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
  const decide = (ctx: CallContext, { principal, permission, resource }: AccessCheck): boolean => {
    if (principal === '' || principal === ctx.caller.name) return decisions.callerMay(ctx.caller, permission, resource);
    assertMayAsk(decisions, ctx, resource);
    return decisions.principalMay(principal, permission, resource);
  };
  return {
    checkAccess: async (ctx: CallContext, { check }: CheckAccessRequest): Promise<CheckAccessResponse> => {
      await decisions.reach(ctx);
      return { allowed: check !== undefined && decide(ctx, check) };
    },

    batchCheckAccess: async (
      ctx: CallContext,
      { checks }: BatchCheckAccessRequest,
    ): Promise<BatchCheckAccessResponse> => {
      await decisions.reach(ctx);
      // From here on there is no await: all are decided on one state.
      return { allowed: checks.map((check) => decide(ctx, check)) };
    },
  };
}

/** Whoever asks about others learns who may do what: that is a permission of its own. */
export function assertMayAsk(decisions: AccessDecisions, { caller }: CallContext, resource: string): void {
  if (decisions.callerMay(caller, CHECK_PERMISSION, resource)) return;
  throw new ServiceError('PERMISSION_DENIED', `Permission "${CHECK_PERMISSION}" on "${resource}" is denied`, {
    metadata: { permission: CHECK_PERMISSION, resource },
  });
}
