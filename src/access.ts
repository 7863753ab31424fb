import type { FileRegistry } from '@bufbuild/protobuf';
import { Idempotency } from '../gen/keelson/options/v1/options.js';
import type { Ledger } from './ledger/ledger.js';
import type { Cleanups } from './lifecycle.js';
import {
  ACCESS_STATE_COLLECTION,
  type AccessPolicies,
  createAccessPolicies,
  defineAccess,
  replicateAccess,
} from './repositories/access-policies.js';
import { declareResource } from './repositories/resource.js';
import type { SweepableResource } from './repositories/sweeper.js';
import type { Authorizer } from './rpc/access.js';
import type { Clock } from './rpc/context.js';
import type { MethodTable } from './rpc/method-table.js';
import type { ServiceImplementation } from './rpc/service.js';
import { createAccessDecisions, type AccessDecisions } from './services/access/access-decisions.js';
import { AccessModel } from './services/access/access-model.js';
import { createAccessPolicyService } from './services/access/access-policy-service.js';
import { createAccessService } from './services/access/access-service.js';
import { bootstrapAccess } from './services/access/bootstrap.js';
import { createBuiltInRoles, type KnownPermission } from './services/access/built-in-roles.js';
import { createGrantGuard, type GrantGuard, type GrantGuardDeps } from './services/access/grant-guard.js';

/** Who may do what, in this process. */
export interface Access {
  readonly authorizer: Authorizer;
  readonly services: readonly ServiceImplementation[];
  readonly resources: readonly SweepableResource[];
  /** For whoever changes what decides who can call. */
  readonly policies: Pick<AccessPolicies, 'change'>;
  readonly decisions: AccessDecisions;
  readonly guard: Pick<GrantGuard, 'assertNotLastOwner' | 'assertHoldsAllOf'>;
  /** Makes the built-in roles of the methods that are served, and the first owner. To be called before any call. */
  prepare(table: MethodTable, firstOwner: string): Promise<void>;
}

export interface AccessDeps {
  readonly ledger: Ledger;
  readonly registry: FileRegistry;
  readonly clock: Clock;
  /** Whether a principal can call, in the state that a change is made to. */
  readonly isActive: GrantGuardDeps['isActive'];
  readonly cleanups: Cleanups;
}

/** Opens what decisions rest on, and leaves its closing to `cleanups`. */
export async function openAccess({ ledger, registry, clock, isActive, cleanups }: AccessDeps): Promise<Access> {
  const definitions = defineAccess(registry);
  await ledger.declareCollections([ACCESS_STATE_COLLECTION]);
  const { roles, groups, bindings } = definitions;
  const resources = [roles, groups, bindings];
  for (const definition of resources) await declareResource(ledger, definition);
  const model = new AccessModel();
  const replica = await replicateAccess(ledger, definitions, model);
  cleanups.add('access', () => replica.close());
  const policies = createAccessPolicies({ ledger, definitions, replica, now: () => clock.now() });
  const decisions = createAccessDecisions({ model, replica, clock });
  const guard = createGrantGuard({ model, isActive });
  return {
    authorizer: decisions,
    decisions,
    resources,
    policies,
    guard,
    services: [createAccessPolicyService({ policies, guard, decisions }), createAccessService({ model, decisions })],
    prepare: async (table, firstOwner) => {
      const builtInRoles = createBuiltInRoles(permissionsOf(table));
      model.setBuiltInRoles(builtInRoles);
      await bootstrapAccess({ policies, model, builtInRoles, firstOwner });
    },
  };
}

function permissionsOf({ methods }: MethodTable): readonly KnownPermission[] {
  return [...methods.values()].flatMap(({ policy: { access, idempotency } }) =>
    access.kind === 'permission'
      ? [{ name: access.name, changesNothing: idempotency === Idempotency.IDEMPOTENCY_NO_SIDE_EFFECTS }]
      : [],
  );
}
