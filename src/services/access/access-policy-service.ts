import { AccessPolicyServiceDefinition } from '../../../gen/keelson/access/v1/access_policy_service.js';
import { translating } from '../../repositories/translate-errors.js';
import { implementService, type ServiceImplementation } from '../../rpc/service.js';
import { createBindingMethods } from './bindings.js';
import type { AccessDeps } from './change-policy.js';
import { createGroupMethods } from './groups.js';
import { createRoleMethods } from './roles.js';

/** Serves `keelson.access.v1.AccessPolicyService`. */
export function createAccessPolicyService(deps: AccessDeps): ServiceImplementation {
  const roles = createRoleMethods(deps);
  const groups = createGroupMethods(deps);
  const bindings = createBindingMethods(deps);
  return implementService(AccessPolicyServiceDefinition, {
    createRole: translating(roles.createRole),
    getRole: translating(roles.getRole),
    listRoles: translating(roles.listRoles),
    updateRole: translating(roles.updateRole),
    deleteRole: translating(roles.deleteRole),
    createGroup: translating(groups.createGroup),
    getGroup: translating(groups.getGroup),
    listGroups: translating(groups.listGroups),
    updateGroup: translating(groups.updateGroup),
    deleteGroup: translating(groups.deleteGroup),
    createBinding: translating(bindings.createBinding),
    getBinding: translating(bindings.getBinding),
    listBindings: translating(bindings.listBindings),
    updateBinding: translating(bindings.updateBinding),
    deleteBinding: translating(bindings.deleteBinding),
  });
}
