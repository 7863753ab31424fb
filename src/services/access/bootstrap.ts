import { Binding, Role } from '../../../gen/keelson/access/v1/resources.js';
import type { AccessPolicies } from '../../repositories/access-policies.js';
import type { AccessModel } from './access-model.js';
import { OWNER_ROLE } from './built-in-roles.js';
import { EVERYTHING } from './decide.js';
import { isOwnership } from './grant-guard.js';

const FIRST_OWNER_ID = 'first-owner';

export interface BootstrapDeps {
  readonly policies: AccessPolicies;
  readonly model: AccessModel;
  readonly builtInRoles: readonly Role[];
  /** Who may do everything where nobody does yet: `serviceAccounts/admin`. */
  readonly firstOwner: string;
}

/**
 * Makes the first owner, unless somebody is one, and stores the roles that come with Keelson, so that they are listed;
 * decisions go by the code. Changes nothing where all is as it should be.
 */
export async function bootstrapAccess({ policies, model, builtInRoles, firstOwner }: BootstrapDeps): Promise<void> {
  const { roles, bindings } = policies;
  const isOutdated = await findOutdated(policies, builtInRoles);
  if (isOutdated.length === 0 && hasOwner(model)) return;
  await policies.change(async (view) => {
    const writes = await Promise.all(
      isOutdated.map((role) =>
        roles.writes.update(view, { name: role.name, etag: '', mask: undefined, content: role, allowMissing: true }),
      ),
    );
    if (hasOwner(model)) return writes;
    const content = Binding.fromPartial({ member: firstOwner, role: OWNER_ROLE, resource: EVERYTHING });
    return [...writes, await bindings.writes.create(view, { parent: '', id: FIRST_OWNER_ID, content })];
  });
}

function hasOwner(model: AccessModel): boolean {
  return [...model.grants()].some(isOwnership);
}

async function findOutdated({ roles }: AccessPolicies, builtInRoles: readonly Role[]): Promise<readonly Role[]> {
  const stored = await Promise.all(builtInRoles.map(({ name }) => roles.find(name)));
  return builtInRoles.filter((role, index) => !isSame(role, stored[index]));
}

function isSame(role: Role, stored: Role | undefined): boolean {
  const { title, permissions } = role;
  return stored?.builtIn === true && stored.title === title && stored.permissions.join() === permissions.join();
}
