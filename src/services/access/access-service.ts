import { AccessServiceDefinition } from '../../../gen/keelson/access/v1/access_service.js';
import { translating, translatingStream } from '../../repositories/translate-errors.js';
import { implementService, type ServiceImplementation } from '../../rpc/service.js';
import { createCheckAccess } from './check-access.js';
import { createWatchAccess } from './watch-access.js';
import { createExplainAccess } from './explain-access.js';
import { createListAccessibleResources, type ListAccessibleResourcesDeps } from './list-accessible-resources.js';

/** Serves `keelson.access.v1.AccessService`. */
export function createAccessService(deps: ListAccessibleResourcesDeps): ServiceImplementation {
  const { checkAccess, batchCheckAccess } = createCheckAccess(deps);
  return implementService(AccessServiceDefinition, {
    checkAccess: translating(checkAccess),
    batchCheckAccess: translating(batchCheckAccess),
    listAccessibleResources: translating(createListAccessibleResources(deps)),
    watchAccess: translatingStream(createWatchAccess(deps)),
    explainAccess: translating(createExplainAccess(deps)),
  });
}
