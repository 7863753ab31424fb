import type { OpenArea } from './area.js';
import type { MessageResourceDeps } from './repositories/message-resource.js';
import type { SweepableResource } from './repositories/sweeper.js';
import type { ServiceImplementation } from './rpc/service.js';

/** Makes an area of one service on one kind of resource. */
export function serviceOn<R extends { readonly definition: SweepableResource }>(
  openResources: (deps: MessageResourceDeps) => Promise<R>,
  createService: (resources: R) => ServiceImplementation,
): OpenArea {
  return async ({ ledger, registry, clock }) => {
    const resources = await openResources({ ledger, registry, now: () => clock.now() });
    return { services: [createService(resources)], resources: [resources.definition] };
  };
}
