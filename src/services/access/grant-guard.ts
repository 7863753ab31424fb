import type { Binding } from '../../../gen/keelson/access/v1/resources.js';
import type { Caller } from '../../rpc/context.js';
import { ServiceError } from '../../rpc/errors.js';
import type { AccessModel, Grant } from './access-model.js';
import { OWNER_ROLE } from './built-in-roles.js';
import { EVERYTHING, unconditionalPatterns } from './decide.js';
import { findUncovered } from './permission-pattern.js';

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
  /** Throws LAST_OWNER if nobody may do everything once a binding is as given, or gone. */
  assertOwnerRemains(name: string, after: Binding | undefined): void;
}

export function createGrantGuard({ model }: { readonly model: AccessModel }): GrantGuard {
  const assertHolds: GrantGuard['assertHolds'] = (caller, patterns, resource) => {
    const missing =
      findUncovered(patterns, unconditionalPatterns(model, caller.name, resource)) ??
      findUncovered(patterns, caller.permissions);
    if (missing === undefined) return;
    throw new ServiceError(
      'GRANT_EXCEEDS_CALLER',
      `Cannot grant "${missing}" on "${resource}": the caller does not hold it there, for good and unconditionally`,
      { metadata: { permission: missing, resource } },
    );
  };
  return {
    assertHolds,
    assertMayBind: (caller, { role, resource }) => assertHolds(caller, model.permissionsOf(role), resource),
    assertMayJoin: (caller, group) => {
      for (const member of [group, ...model.groupsOf(group)]) {
        for (const { role, resource } of model.grantsTo(member)) {
          assertHolds(caller, model.permissionsOf(role), resource);
        }
      }
    },
    assertOwnerRemains: (name, after) => {
      const before = [...model.grants()].filter(isOwnership);
      if (!before.some(({ binding }) => binding === name)) return;
      if (before.length > 1 || (after !== undefined && makesOwner(after))) return;
      throw new ServiceError('LAST_OWNER', `Cannot change binding "${name}": nobody else may do everything`, {
        metadata: { resource: name },
      });
    },
  };
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
