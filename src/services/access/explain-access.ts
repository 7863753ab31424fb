import {
  BindingVerdict_Verdict as Verdict,
  type BindingVerdict,
  type ExplainAccessRequest,
  type ExplainAccessResponse,
} from '../../../gen/keelson/access/v1/access_service.js';
import type { CallContext } from '../../rpc/context.js';
import { invalidRequest } from '../../rpc/errors.js';
import type { AccessDecisions } from './access-decisions.js';
import type { AccessModel } from './access-model.js';
import { judgeGrants, type GrantVerdict, type JudgedGrant } from './decide.js';

const VERDICTS = {
  grants: Verdict.VERDICT_GRANTS,
  expired: Verdict.VERDICT_EXPIRED,
  'role-missing-permission': Verdict.VERDICT_ROLE_LACKS_PERMISSION,
  'condition-false': Verdict.VERDICT_CONDITION_FALSE,
  'condition-error': Verdict.VERDICT_CONDITION_ERROR,
} as const satisfies Record<GrantVerdict, Verdict>;

export interface ExplainAccessDeps {
  readonly model: AccessModel;
  readonly decisions: AccessDecisions;
}

/** Tells what each binding says that could grant a permission. */
export function createExplainAccess({ model, decisions }: ExplainAccessDeps) {
  return async function explainAccess(
    ctx: CallContext,
    { check }: ExplainAccessRequest,
  ): Promise<ExplainAccessResponse> {
    if (check === undefined) throw invalidRequest([{ field: 'check', description: 'must be set' }]);
    await decisions.reach(ctx);
    const question = { ...check, principal: check.principal || ctx.caller.name, clock: ctx.clock };
    const judged = judgeGrants(model, question);
    return {
      allowed: judged.some(({ verdict }) => verdict === 'grants'),
      verdicts: judged.map(toMessage),
      groups: [...model.holdingsOf(question.principal).groups].sort(),
    };
  };
}

function toMessage({ grant, verdict }: JudgedGrant): BindingVerdict {
  const { binding, member, role, resource } = grant;
  return { binding, member, role, resource, verdict: VERDICTS[verdict] };
}
