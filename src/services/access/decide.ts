import type { AccessModel, Grant, Holdings } from './access-model.js';
import type { ConditionFacts } from './condition.js';
import { coversAny } from './permission-pattern.js';

/** The resource of a binding that stands for everything. */
export const EVERYTHING = '*';

export interface AccessQuestion {
  /** `users/ada`. */
  readonly principal: string;
  /** `documents.documents.get`. */
  readonly permission: string;
  readonly resource: string;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

/** What a grant does for a question that it could answer. */
export type GrantVerdict = 'grants' | 'expired' | 'role-missing-permission' | 'condition-false' | 'condition-error';

export interface JudgedGrant {
  readonly grant: Grant;
  readonly verdict: GrantVerdict;
}

/** Tells whether a principal holds a permission on a resource. Denies by default. */
export function isGranted(model: AccessModel, question: AccessQuestion): boolean {
  const holdings = model.holdingsOf(question.principal);
  for (const grant of grantsOn(holdings, question.resource)) {
    if (judge(model, holdings, grant, question) === 'grants') return true;
  }
  return false;
}

/** Gives every binding that the question could rest on, with what it says. */
export function judgeGrants(model: AccessModel, question: AccessQuestion): readonly JudgedGrant[] {
  const holdings = model.holdingsOf(question.principal);
  return [...grantsOn(holdings, question.resource)].map((grant) => ({
    grant,
    verdict: judge(model, holdings, grant, question),
  }));
}

/** Gives the patterns of all permissions that a principal holds on a resource without a condition and without an end. */
export function unconditionalPatterns(model: AccessModel, principal: string, resource: string): readonly string[] {
  return [...grantsOn(model.holdingsOf(principal), resource)]
    .filter(({ condition, expireMs }) => condition === undefined && expireMs === Infinity)
    .flatMap(({ role }) => model.permissionsOf(role));
}

/** The grants on a resource and on everything above it. */
function* grantsOn({ byResource }: Holdings, resource: string): Generator<Grant> {
  yield* byResource.get(EVERYTHING) ?? [];
  if (resource === EVERYTHING) return;
  for (let end = resource.indexOf('/'); end !== -1; end = resource.indexOf('/', end + 1)) {
    yield* byResource.get(resource.slice(0, end)) ?? [];
  }
  yield* byResource.get(resource) ?? [];
}

function judge(model: AccessModel, { groups }: Holdings, grant: Grant, question: AccessQuestion): GrantVerdict {
  const { principal, permission, resource, nowMs } = question;
  if (!coversAny(model.permissionsOf(grant.role), permission)) return 'role-missing-permission';
  if (nowMs >= grant.expireMs) return 'expired';
  if (grant.condition === undefined) return 'grants';
  const facts: ConditionFacts = { principal, groups, permission, resource, nowMs };
  switch (grant.condition(facts)) {
    case 'true':
      return 'grants';
    case 'false':
      return 'condition-false';
    case 'error':
      return 'condition-error';
  }
}
