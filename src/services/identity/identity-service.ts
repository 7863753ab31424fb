import { IdentityServiceDefinition } from '../../../gen/keelson/identity/v1/identity_service.js';
import { translating } from '../../repositories/translate-errors.js';
import { implementService, type ServiceImplementation } from '../../rpc/service.js';
import { createApiKeyMethods } from './api-keys.js';
import type { IdentityDeps } from './identity-deps.js';
import { createDeleteApiKey } from './delete-api-key.js';
import { createDeleteServiceAccount } from './delete-service-account.js';
import { createServiceAccountMethods } from './service-accounts.js';
import { createSetPassword } from './set-password.js';
import { createUserMethods } from './users.js';

/** Serves `keelson.identity.v1.IdentityService`. */
export function createIdentityService(deps: IdentityDeps): ServiceImplementation {
  const users = createUserMethods(deps);
  const accounts = createServiceAccountMethods(deps);
  const keys = createApiKeyMethods(deps);
  return implementService(IdentityServiceDefinition, {
    createUser: translating(users.createUser),
    getUser: translating(users.getUser),
    listUsers: translating(users.listUsers),
    updateUser: translating(users.updateUser),
    deleteUser: translating(users.deleteUser),
    setPassword: translating(createSetPassword(deps)),
    createServiceAccount: translating(accounts.createServiceAccount),
    getServiceAccount: translating(accounts.getServiceAccount),
    listServiceAccounts: translating(accounts.listServiceAccounts),
    updateServiceAccount: translating(accounts.updateServiceAccount),
    deleteServiceAccount: translating(createDeleteServiceAccount(deps)),
    createApiKey: translating(keys.createApiKey),
    getApiKey: translating(keys.getApiKey),
    listApiKeys: translating(keys.listApiKeys),
    rotateApiKey: translating(keys.rotateApiKey),
    deleteApiKey: translating(createDeleteApiKey(deps)),
  });
}
