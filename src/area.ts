import type { FileRegistry } from '@bufbuild/protobuf';
import type { Logger } from 'pino';
import type { Ledger } from './ledger/ledger.js';
import type { Cleanups } from './lifecycle.js';
import type { SweepableResource } from './repositories/sweeper.js';
import type { Clock } from './rpc/context.js';
import type { ServiceImplementation } from './rpc/service.js';

/** Services that belong together, in this process. */
export interface Area {
  readonly services: readonly ServiceImplementation[];
  /** What they keep that may expire. */
  readonly resources: readonly SweepableResource[];
}

export interface AreaDeps {
  readonly ledger: Ledger;
  readonly registry: FileRegistry;
  readonly clock: Clock;
  readonly log: Logger;
  readonly cleanups: Cleanups;
}

/** Makes room for what an area keeps, opens its services, and leaves what has to be closed to the cleanups. */
export type OpenArea = (deps: AreaDeps) => Promise<Area>;
