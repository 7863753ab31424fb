import type { Binding } from '../../../gen/keelson/access/v1/resources.js';
import type { AccessPolicies } from '../../repositories/access-policies.js';
import type { Caller } from '../../rpc/context.js';
import { ServiceError } from '../../rpc/errors.js';
import type { AccessModel, Grant } from './access-model.js';
import { OWNER_ROLE } from './built-in-roles.js';
import { EVERYTHING, unconditionalPatterns } from './decide.js';
import { EVERY_PERMISSION, findUncovered } from './permission-pattern.js';

/** What a change reads through. */
export type View = Parameters<Parameters<AccessPolicies['change']>[0]>[0];

/**
 * Refuses changes that would give away more than the caller has, or leave nobody who may do everything. Looks at the
 * state that a change is made to; see AccessPolicies.change.
 */
export interface GrantGuard {
  /** Throws GRANT_EXCEEDS_CALLER unless the caller holds all of these on the resource, for good and unconditionally. */
  assertHolds(caller: Caller, patterns: readonly string[], resource: string): void;
  /** The same for what a binding gives. */
  assertMayBind(caller: Caller, binding: Pick<Binding, 'role' | 'resource'>): void;
  /** The same for what whoever joins a group gets. */
  assertMayJoin(caller: Caller, group: string): void;
  /**
   * Throws GRANT_EXCEEDS_CALLER unless the caller holds whatever a principal may do; where that is the caller itself, unless the
   * scopes of what it called with cover these.
   */
  assertHoldsAllOf(caller: Caller, principal: string, scopes?: readonly string[]): void;
  /** Rejects with LAST_OWNER if nobody may do everything once a binding is as given, or gone. */
  assertOwnerRemains(view: View, name: string, after: Binding | undefined): Promise<void>;
  /** The same once a principal is gone, or cannot call. */
  assertNotLastOwner(view: View, principal: string): Promise<void>;
}

export interface GrantGuardDeps {
  readonly model: AccessModel;
  /** Whether a principal can call, and has what to call with, in the state that a change is made to. */
  readonly isActive: (view: View, principal: string) => Promise<boolean>;
}

export function createGrantGuard({ model, isActive }: GrantGuardDeps): GrantGuard {
  const ownerships = () => [...model.grants()].filter(isOwnership);
  const hasActive = async (view: View, grants: readonly Grant[]) => {
    for (const { member } of grants) if (await isActive(view, member)) return true;
    return false;
  };
  const assertHolds: GrantGuard['assertHolds'] = (caller, patterns, resource) => {
    const missing =
      findUncovered(patterns, unconditionalPatterns(model, caller.name, resource)) ??
      findUncovered(patterns, caller.permissions);
    if (missing !== undefined) throw grantExceeds(missing, resource);
  };
  const assertHoldsAllOf = (caller: Caller, member: string) => {
    for (const holder of [member, ...model.groupsOf(member)]) {
      for (const { role, resource } of model.grantsTo(holder)) {
        assertHolds(caller, model.permissionsOf(role), resource);
      }
    }
  };
  return {
    assertHolds,
    assertMayBind: (caller, { role, resource }) => assertHolds(caller, model.permissionsOf(role), resource),
    assertMayJoin: assertHoldsAllOf,
    assertHoldsAllOf: (caller, principal, scopes = [EVERY_PERMISSION]) => {
      if (caller.name !== principal) return assertHoldsAllOf(caller, principal);
      const missing = findUncovered(scopes, caller.permissions);
      if (missing !== undefined) throw grantExceeds(missing, principal);
    },
    assertOwnerRemains: async (view, name, after) => {
      const before = ownerships();
      if (!before.some(({ binding }) => binding === name) || (after !== undefined && makesOwner(after))) return;
      const others = before.filter(({ binding }) => binding !== name);
      if (!(await hasActive(view, others))) throw lastOwner(name);
    },
    assertNotLastOwner: async (view, principal) => {
      const before = ownerships();
      if (!before.some(({ member }) => member === principal)) return;
      const others = before.filter(({ member }) => member !== principal);
      if (!(await hasActive(view, others))) throw lastOwner(principal);
    },
  };
}

function grantExceeds(permission: string, resource: string): ServiceError {
  return new ServiceError(
    'GRANT_EXCEEDS_CALLER',
    `Cannot grant "${permission}" on "${resource}": the caller does not hold it there, for good and unconditionally`,
    { metadata: { permission, resource } },
  );
}

function lastOwner(resource: string): ServiceError {
  return new ServiceError('LAST_OWNER', `Cannot change "${resource}": nobody else may do everything`, {
    metadata: { resource },
  });
}

/** Whether a grant makes somebody an owner of everything, whatever becomes of groups, of time and of conditions. */
export function isOwnership({ role, resource, member, condition, expireMs }: Omit<Grant, 'binding'>): boolean {
  const isPrincipal = !member.startsWith('groups/');
  return (
    role === OWNER_ROLE && resource === EVERYTHING && isPrincipal && condition === undefined && expireMs === Infinity
  );
}

function makesOwner({ role, resource, member, condition, expireTime }: Binding): boolean {
  const unconditional = condition === undefined && expireTime === undefined;
  return unconditional && isOwnership({ role, resource, member, condition: undefined, expireMs: Infinity });
}
