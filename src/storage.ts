import type { Logger } from 'pino';
import type { Config } from './config.js';
import { observeTier } from './cache/observed-tier.js';
import { createRedisTier, type RedisTier } from './cache/redis/redis-tier.js';
import { createLedger, type Ledger } from './ledger/ledger.js';
import type { Wake } from './ledger/surroundings.js';
import { createRedisWake } from './ledger/wake/redis-wake.js';
import type { DependencyWatch } from './dependencies.js';
import type { Cleanups } from './lifecycle.js';
import { CACHE_KEYS_COLLECTION, createCachedLedger, type CachedLedger } from './repositories/cached-ledger.js';
import { observeLedger } from './repositories/observed-ledger.js';
import { startSweeper, type SweepableResource } from './repositories/sweeper.js';
import type { Clock } from './rpc/context.js';
import { openEmbeddedStore } from './store/embedded/open-embedded-store.js';
import { openMongoStore } from './store/mongo/open-mongo-store.js';
import { observeStore } from './store/observed-store.js';
import type { Store } from './store/store.js';
import type { Metrics } from './telemetry/metrics.js';
import type { WorkObserver } from './telemetry/work.js';

/** Opens the engine that the settings choose. Whoever opens it closes it. */
export function openStore({ storeUrl, dataDir }: Pick<Config, 'storeUrl' | 'dataDir'>): Promise<Store> {
  return storeUrl === undefined ? openEmbeddedStore({ dataDir }) : openMongoStore({ url: storeUrl });
}

/** Opens store, ledger and cache, and leaves their closing to `cleanups`. */
export async function openStorage(
  config: Config,
  { log, cleanups, fleet, dependencies, work }: StorageDeps,
): Promise<CachedLedger> {
  const store = await (fleet?.openStore ?? (() => openStore(config)))();
  cleanups.add('store', () => store.close());
  dependencies.add({
    name: DATABASE,
    withoutIt: 'services that need it do not serve',
    ask: () => store.readFloor(),
  });
  const ledger = await openLedger(config, observeStore(store, work), { log, cleanups, fleet });
  await ledger.declareCollections([CACHE_KEYS_COLLECTION]);
  const sharedTier = config.redisUrl === undefined ? undefined : openRedisTier(config.redisUrl, ledger.databaseId, log);
  if (sharedTier !== undefined) {
    cleanups.add('Redis cache', () => sharedTier.close());
    dependencies.add({
      name: 'redis',
      withoutIt: 'calls are served without it, and reads ask the database',
      ask: () => sharedTier.ping(),
    });
  }
  const cached = await createCachedLedger({
    ledger,
    nearBytesMax: config.cacheBytesMax,
    ...(sharedTier && { sharedTier: observeTier(sharedTier, work) }),
  });
  return observeLedger(cached, work);
}

interface StorageDeps {
  readonly log: Logger;
  readonly cleanups: Cleanups;
  readonly dependencies: Pick<DependencyWatch, 'add'>;
  /** Is told what storage does. */
  readonly work: WorkObserver;
  /** What other processes of the same supervisor share. */
  readonly fleet?: SharedStorage | undefined;
}

/** Deletes expired resources in the background until the cleanups run. */
export function sweepExpired(
  resources: readonly SweepableResource[],
  { ledger, clock, log, cleanups, metrics }: SweepDeps,
): void {
  const sweeper = startSweeper({ ledger, resources, now: () => clock.now(), log });
  cleanups.add('sweeper', () => sweeper.close());
  metrics?.totals('keelson_resources_swept_total', 'Expired resources that this process has deleted', {
    label: 'collection',
    read: () => sweeper.swept(),
  });
}

interface SweepDeps extends Pick<StorageDeps, 'log' | 'cleanups'> {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, 'totals'> | undefined;
}

interface SharedStorage {
  readonly openStore: (() => Promise<Store>) | undefined;
  readonly wake: Wake;
}

/** What services call the database that they need. */
export const DATABASE = 'database';

function openRedisTier(url: string, databaseId: string, log: Logger): RedisTier {
  return createRedisTier({ url, keyPrefix: `keelson:cache:${databaseId}:`, log });
}

async function openLedger(
  config: Config,
  store: Store,
  { log, cleanups, fleet }: Pick<StorageDeps, 'log' | 'cleanups' | 'fleet'>,
): Promise<Ledger> {
  const { databaseId } = store;
  const redisWake =
    config.redisUrl === undefined ? undefined : createRedisWake({ url: config.redisUrl, databaseId, logger: log });
  if (redisWake !== undefined) cleanups.add('Redis wake', () => redisWake.close());
  const wake = redisWake ?? fleet?.wake;
  const ledger = await createLedger({ store, logger: log, ...(wake && { wake }) });
  cleanups.add('ledger', () => ledger.close());
  return ledger;
}
