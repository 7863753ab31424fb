import { fork } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createLedger, type Ledger } from '../../src/ledger/ledger.js';
import { createRedisWake } from '../../src/ledger/wake/redis-wake.js';
import { openEmbeddedStore } from '../../src/store/embedded/open-embedded-store.js';
import { openMongoStore } from '../../src/store/mongo/open-mongo-store.js';
import { startMongoServer } from '../../tests/support/mongo-server.js';
import { startRedisServer } from '../../tests/support/redis-server.js';
import { SILENT_LOGGER } from '../../tests/support/silent-logger.js';
import type { Bench, BenchCase } from '../bench.js';
import { isThere } from '../machine.js';
import { resultOf, type Result } from '../result.js';
import { quantile } from '../statistics.js';

const COMMITS = 300;
const PAUSE_MS = 5;
// Connections and caches are cold at first.
const WARM_UP = 30;

const FOLLOWER = 'follow-commits';

// This file is also what the case runs in the other process.
const [role, url = '', redisUrl = ''] = process.argv.slice(2);
if (role === FOLLOWER) await followFor(url, redisUrl);

export const follow: BenchCase = {
  name: 'follow',
  about:
    'from the call of commit() to a follower that sees it, in the same process and in another one that Redis wakes',
  run: async (bench) => [await within(bench), ...(await across(bench))],
};

async function within(bench: Bench): Promise<Result> {
  const directory = await bench.folder();
  const store = await openEmbeddedStore({ dataDir: directory });
  const ledger = await createLedger({ store, logger: SILENT_LOGGER });
  await ledger.declareCollections(['orders']);
  const following = collectDelays(ledger);
  await commitSlowly(ledger);
  const result = report('keelson', await following);
  await ledger.close();
  await store.close();
  return result;
}

async function across(bench: Bench): Promise<Result[]> {
  const server = await startMongoServer();
  if (server === undefined || !isThere('redis-server')) {
    bench.say('  follow: no MongoDB server or no redis-server, so nothing across processes');
    await server?.stop();
    return [];
  }
  bench.closing(server);
  const redis = bench.closing(await startRedisServer());
  const place = server.urlOf(`keelson_bench_${process.pid}`);
  const { ledger, close } = await openShared(place, redis.url);
  const follower = fork(fileURLToPath(import.meta.url), [FOLLOWER, place, redis.url]);
  await new Promise((resolve) => void follower.once('message', resolve));
  const answered = new Promise<number[]>((resolve) => {
    follower.once('message', (delays) => resolve(delays as number[]));
  });
  await commitSlowly(ledger);
  const result = report('keelson across processes', await answered);
  await close();
  return [result];
}

async function followFor(place: string, redisAt: string): Promise<void> {
  const { ledger, close } = await openShared(place, redisAt);
  // Until Redis is connected, only the poll finds anything.
  await delay(500);
  process.send?.('ready');
  process.send?.(await collectDelays(ledger));
  await close();
  process.disconnect();
}

async function openShared(place: string, redisAt: string) {
  const store = await openMongoStore({ url: place });
  await store.declareCollections(['orders']);
  const wake = createRedisWake({ url: redisAt, databaseId: store.databaseId, logger: SILENT_LOGGER });
  const ledger = await createLedger({ store, logger: SILENT_LOGGER, wake });
  const close = async () => {
    await ledger.close();
    wake.close();
    await store.close();
  };
  return { ledger, close };
}

async function commitSlowly(ledger: Ledger): Promise<void> {
  for (let n = 0; n < COMMITS; n += 1) {
    const value = { at: performance.timeOrigin + performance.now() };
    await ledger.commit({ writes: [{ kind: 'put', collection: 'orders', id: 'o-1', value }] });
    await delay(PAUSE_MS);
  }
}

async function collectDelays(ledger: Ledger): Promise<number[]> {
  const delays: number[] = [];
  for await (const event of ledger.follow({ after: 0 })) {
    const write = event.kind === 'commit' ? event.commit.writes[0] : undefined;
    if (write?.kind !== 'put') continue;
    delays.push(performance.timeOrigin + performance.now() - Number(write.value.at));
    if (delays.length === COMMITS) break;
  }
  return delays;
}

function report(system: string, delays: readonly number[]): Result {
  const warm = delays.slice(WARM_UP);
  return resultOf('follow', system, { p50Ms: quantile(warm, 0.5), p99Ms: quantile(warm, 0.99) });
}
