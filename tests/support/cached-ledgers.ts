import { setTimeout as delay } from 'node:timers/promises';
import { type Cache, type CacheOptions, createCache } from '../../src/cache/cache.js';
import { createRedisTier, type RedisTier } from '../../src/cache/redis/redis-tier.js';
import { createLedger } from '../../src/ledger/ledger.js';
import { CACHE_KEYS_COLLECTION, createCachedLedger, type CachedLedger } from '../../src/repositories/cached-ledger.js';
import type { StateDocument } from '../../src/store/state.js';
import type { Store } from '../../src/store/store.js';
import { delegateStore } from './delegating-store.js';
import type { Engine } from './engine.js';
import { SILENT_LOGGER } from './silent-logger.js';

/** What stands before each key in Redis. */
export const KEY_PREFIX = 'test:';

// They look for commits of others when they are asked to, and never by themselves: a test decides what they know.
const POLL_INTERVAL_MS = 60_000;
// Redis answers as late as it likes: a test that wants an answer from it wants it on a slow machine, too.
const PATIENT_MS = 10_000;

export type DocumentCacheOptions = CacheOptions<StateDocument>;

export interface CachedLedgerParts {
  /** Without it there is no shared tier. */
  readonly redisUrl?: string | undefined;
  /** How long Redis may take. Default: as long as a slow machine may need. */
  readonly budgetMs?: number;
  /** What the store does differently. */
  readonly store?: (store: Store) => Partial<Store>;
  /** What the cache is made of instead. */
  readonly cache?: (options: DocumentCacheOptions) => Partial<DocumentCacheOptions>;
}

/** Ledgers with caches on one database, as so many processes have them. */
export interface CachedLedgers {
  open(parts?: CachedLedgerParts): Promise<CachedLedger>;
  close(): Promise<void>;
}

/** Makes the collections in each database that it opens. */
export function createCachedLedgers(engine: Pick<Engine, 'open'>, ...collections: readonly string[]): CachedLedgers {
  const ledgers: CachedLedger[] = [];
  const tiers: RedisTier[] = [];
  return {
    open: async ({ redisUrl, budgetMs = PATIENT_MS, store: change, cache: replace = () => ({}) } = {}) => {
      const opened = await engine.open();
      await opened.declareCollections([...collections, CACHE_KEYS_COLLECTION]);
      const store = delegateStore(opened, change?.(opened) ?? {});
      const ledger = await createLedger({ store, logger: SILENT_LOGGER, pollIntervalMs: POLL_INTERVAL_MS });
      const sharedTier = redisUrl === undefined ? undefined : await openTier(redisUrl, budgetMs);
      if (sharedTier !== undefined) tiers.push(sharedTier);
      const create = (options: DocumentCacheOptions): Cache<StateDocument> =>
        createCache({ ...options, ...replace(options) });
      const cached = await createCachedLedger({ ledger, createCache: create, ...(sharedTier && { sharedTier }) });
      ledgers.push(cached);
      return cached;
    },
    close: async () => {
      for (const ledger of ledgers.splice(0)) await ledger.close();
      for (const tier of tiers.splice(0)) tier.close();
    },
  };
}

/** Resolves when Redis answers it: until then every read of it is a miss. */
async function openTier(url: string, budgetMs: number): Promise<RedisTier> {
  const tier = createRedisTier({ url, keyPrefix: KEY_PREFIX, log: SILENT_LOGGER, budgetMs });
  while ((await tier.get('probe')) === undefined) {
    tier.offer('probe', Buffer.from('probe'));
    await delay(5);
  }
  return tier;
}
