import type { ReadContext } from '../../repositories/read-context.js';
import type { Replica } from '../../repositories/replica.js';
import { toServiceError } from '../../repositories/translate-errors.js';
import type { Authorizer } from '../../rpc/access.js';
import type { CallContext, Caller, Clock } from '../../rpc/context.js';
import type { AccessModel } from './access-model.js';
import { isGranted } from './decide.js';
import { coversAny } from './permission-pattern.js';

/** What a decision needs to know of the call that it is made for. */
export type DecisionContext = Pick<CallContext, 'caller' | 'signal' | 'consistency'>;

export interface AccessDecisionsDeps {
  readonly model: AccessModel;
  readonly replica: Pick<Replica, 'reach'>;
  readonly clock: Clock;
}

/** Decides from what this process knows of the log; no database is asked. */
export interface AccessDecisions extends Authorizer {
  /**
   * Brings the model as far as the call asks for: by default to everything that was answered before the call. Undefined where
   * it is there already.
   */
  reach(ctx: ReadContext): Promise<void> | undefined;
  /** Whether the caller may do it: by its bindings, and by what its token was made for. */
  callerMay(caller: Caller, permission: string, resource: string): boolean;
  /** Whether a principal may do it by its bindings. */
  principalMay(principal: string, permission: string, resource: string): boolean;
}

export function createAccessDecisions({ model, replica, clock }: AccessDecisionsDeps): AccessDecisions {
  const principalMay = (principal: string, permission: string, resource: string) =>
    isCanonical(resource) && isGranted(model, { principal, permission, resource, clock });
  const callerMay = (caller: Caller, permission: string, resource: string) =>
    coversAny(caller.permissions, permission) && principalMay(caller.name, permission, resource);
  return {
    reach: (ctx) => replica.reach(ctx),
    principalMay,
    callerMay,
    isAllowed: (ctx, permission, resource) => {
      const decide = () => callerMay(ctx.caller, permission, resource);
      // Without the signal, which would cost as much as the decision: whoever asks ends the wait with the call.
      const reached = replica.reach({ consistency: ctx.consistency });
      return reached === undefined ? decide() : reached.then(decide, refuse);
    },
  };
}

function refuse(err: unknown): never {
  throw toServiceError(err);
}

const NON_CANONICAL = /(?:^|\/)(?:\.{0,2})(?:\/|$)|[^!-~]|%/;

/** Whether a name means itself to everybody: no part is empty, `.` or `..`, nothing is escaped, all is printable ASCII. */
export function isCanonical(resource: string): boolean {
  return !NON_CANONICAL.test(resource);
}
