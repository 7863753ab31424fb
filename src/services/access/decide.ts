import type { Clock } from '../../rpc/context.js';
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
  /** Is asked only by grants that end, and by conditions: to tell the time costs as much as all the rest. */
  readonly clock: Clock;
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
  const grants = (grant: Grant) => judge(model, holdings, grant, question) === 'grants';
  const isGrantedOn = (place: string) => holdings.byResource.get(place)?.some(grants) === true;
  return isGrantedOn(EVERYTHING) || placesOf(question.resource).some(isGrantedOn);
}

/** Gives every binding that the question could rest on, with what it says. */
export function judgeGrants(model: AccessModel, question: AccessQuestion): readonly JudgedGrant[] {
  const holdings = model.holdingsOf(question.principal);
  return grantsOn(holdings, question.resource).map((grant) => ({
    grant,
    verdict: judge(model, holdings, grant, question),
  }));
}

/** Gives the patterns of all permissions that a principal holds on a resource without a condition and without an end. */
export function unconditionalPatterns(model: AccessModel, principal: string, resource: string): readonly string[] {
  return grantsOn(model.holdingsOf(principal), resource)
    .filter(({ condition, expireMs }) => condition === undefined && expireMs === Infinity)
    .flatMap(({ role }) => model.permissionsOf(role));
}

/** The grants on a resource and on everything above it. */
function grantsOn({ byResource }: Holdings, resource: string): readonly Grant[] {
  return [EVERYTHING, ...placesOf(resource)].flatMap((place) => byResource.get(place) ?? []);
}

/** A resource, and what its name says to be above it. */
function placesOf(resource: string): readonly string[] {
  if (resource === EVERYTHING) return [];
  const places: string[] = [];
  for (let end = resource.indexOf('/'); end !== -1; end = resource.indexOf('/', end + 1)) {
    places.push(resource.slice(0, end));
  }
  places.push(resource);
  return places;
}

function judge(model: AccessModel, { groups }: Holdings, grant: Grant, question: AccessQuestion): GrantVerdict {
  const { principal, permission, resource } = question;
  if (!coversAny(model.permissionsOf(grant.role), permission)) return 'role-missing-permission';
  if (grant.expireMs !== Infinity && question.clock.now() >= grant.expireMs) return 'expired';
  if (grant.condition === undefined) return 'grants';
  const facts: ConditionFacts = { principal, groups, permission, resource, nowMs: question.clock.now() };
  switch (grant.condition(facts)) {
    case 'true':
      return 'grants';
    case 'false':
      return 'condition-false';
    case 'error':
      return 'condition-error';
  }
}
