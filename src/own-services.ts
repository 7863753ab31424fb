import { openAreas } from './areas.js';
import { openAudit, type Audit } from './audit.js';
import { openCallers, type Callers, type CallersDeps } from './callers.js';
import type { SweepableResource } from './repositories/sweeper.js';
import type { ServiceImplementation } from './rpc/service.js';

/** All that a server serves of its own on its ledger. */
export interface OwnServices {
  readonly callers: Pick<Callers, 'authenticator' | 'authorizer' | 'prepare'>;
  readonly audit: Pick<Audit, 'sink'>;
  readonly services: readonly ServiceImplementation[];
  /** What they keep that may expire. */
  readonly resources: readonly SweepableResource[];
}

/** Makes room for what services keep, opens them, and leaves what has to be closed to the cleanups. */
export async function openOwnServices(deps: CallersDeps): Promise<OwnServices> {
  const callers = await openCallers(deps);
  const audit = await openAudit(deps);
  const areas = await openAreas(deps);
  return {
    callers,
    audit,
    services: [...areas.services, ...callers.services, ...audit.services],
    resources: [...areas.resources, ...callers.resources, ...audit.resources],
  };
}
