// How long after a commit was asked for a follower sees it, in the same process and in another one that Redis wakes:
// `node dist/bench/ledger-follow.js`
import { fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createLedger, type Ledger } from '../src/ledger/ledger.js';
import { createRedisWake } from '../src/ledger/wake/redis-wake.js';
import { openEmbeddedStore } from '../src/store/embedded/open-embedded-store.js';
import { openMongoStore } from '../src/store/mongo/open-mongo-store.js';
import { startMongoServer } from '../tests/support/mongo-server.js';
import { startRedisServer } from '../tests/support/redis-server.js';
import { SILENT_LOGGER } from '../tests/support/silent-logger.js';
import { printLine } from './print-line.js';

const COMMITS = 300;
const PAUSE_MS = 5;
// Connections and caches are cold at first.
const WARM_UP = 30;

const [role, url = '', redisUrl = ''] = process.argv.slice(2);
if (role === 'follower') await followFor(url, redisUrl);
else {
  await benchWithin();
  await benchAcross();
}

async function benchWithin(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'keelson-bench-'));
  const store = await openEmbeddedStore({ dataDir: directory });
  const ledger = await createLedger({ store, logger: SILENT_LOGGER });
  await ledger.declareCollections(['orders']);
  const following = collectDelays(ledger);
  await commitSlowly(ledger);
  report('same process, embedded', await following);
  await ledger.close();
  await store.close();
  await rm(directory, { recursive: true });
}

async function benchAcross(): Promise<void> {
  const server = await startMongoServer();
  if (!server) return printLine('across processes: skipped, there is no MongoDB server');
  const redis = await startRedisServer();
  const place = server.urlOf(`keelson_bench_${process.pid}`);
  const { ledger, close } = await openShared(place, redis.url);
  const follower = fork(fileURLToPath(import.meta.url), ['follower', place, redis.url]);
  await new Promise((resolve) => void follower.once('message', resolve));
  const answered = new Promise<number[]>((resolve) => {
    follower.once('message', (delays) => resolve(delays as number[]));
  });
  await commitSlowly(ledger);
  report('across processes, mongo with redis', await answered);
  await close();
  await redis.stop();
  await server.stop();
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

function report(what: string, delays: readonly number[]): void {
  const sorted = delays.slice(WARM_UP).sort((a, b) => a - b);
  const at = (share: number) => (sorted[Math.floor(sorted.length * share)] ?? Number.NaN).toFixed(2);
  printLine(
    `${what}: median ${at(0.5)} ms, 99 of 100 within ${at(0.99)} ms, from the call of commit() to the follower`,
  );
}
