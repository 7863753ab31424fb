import type { Logger } from 'pino';
import type { Config } from './config.js';
import { createLedger, type Ledger } from './ledger/ledger.js';
import { createRedisWake } from './ledger/wake/redis-wake.js';
import type { Cleanups } from './lifecycle.js';
import { openEmbeddedStore } from './store/embedded/open-embedded-store.js';
import { openMongoStore } from './store/mongo/open-mongo-store.js';
import type { Store } from './store/store.js';

/** Opens the engine that the settings choose. Whoever opens it closes it. */
export function openStore({ storeUrl, dataDir }: Pick<Config, 'storeUrl' | 'dataDir'>): Promise<Store> {
  return storeUrl === undefined ? openEmbeddedStore({ dataDir }) : openMongoStore({ url: storeUrl });
}

/** Opens store and ledger, and leaves their closing to `cleanups`. */
export async function openLedger(config: Config, log: Logger, cleanups: Cleanups): Promise<Ledger> {
  const store = await openStore(config);
  cleanups.add('store', () => store.close());
  const { databaseId } = store;
  const wake =
    config.redisUrl === undefined ? undefined : createRedisWake({ url: config.redisUrl, databaseId, logger: log });
  if (wake !== undefined) cleanups.add('Redis wake', () => wake.close());
  const ledger = await createLedger({ store, logger: log, ...(wake && { wake }) });
  cleanups.add('ledger', () => ledger.close());
  return ledger;
}
