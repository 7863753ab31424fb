import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { createRedisTier, type RedisTier } from '../../src/cache/redis/redis-tier.js';
import { createLedger, type Ledger } from '../../src/ledger/ledger.js';
import { CACHE_KEYS_COLLECTION, createCachedLedger, type CachedLedger } from '../../src/repositories/cached-ledger.js';
import { describeMongo } from '../support/describe-mongo.js';
import { findViolations, type Operation } from '../support/linearizability.js';
import { createMongoEngine } from '../support/mongo-engine.js';
import { createRandom } from '../support/random.js';
import { startRedisServer, type RedisServer } from '../support/redis-server.js';
import { REGISTER, type RegisterInput } from '../support/register.js';
import { requireTool } from '../support/require-tool.js';
import { seed } from '../support/seed.js';
import { SILENT_LOGGER } from '../support/silent-logger.js';

const COLLECTION = 'registers';
const PROCESSES = 3;
const CLIENTS_PER_PROCESS = 3;
const ATTACK_MS = 4_000;
const TEST_MS_MAX = 60_000;
// Fresh documents every so often keep each history short enough to be searched.
const EPOCH_MS = 400;
const KEYS = 3;

type Call = Operation<RegisterInput, string>;

// Each "process" has its own connections, position, near tier and circuit; they share one database and one Redis.
describeMongo('cached reads on several processes, while Redis is attacked', (server) => {
  let engine: ReturnType<typeof createMongoEngine>;
  let redis: RedisServer;
  let stopped: boolean;
  const ledgers: CachedLedger[] = [];
  const tiers: RedisTier[] = [];

  before(requireTool('redis'));

  beforeEach(async function () {
    this.timeout(TEST_MS_MAX);
    stopped = false;
    engine = createMongoEngine(server());
    redis = await startRedisServer();
    for (let n = 0; n < PROCESSES; n += 1) ledgers.push(await openCached());
  });

  afterEach(async function () {
    this.timeout(TEST_MS_MAX);
    for (const ledger of ledgers.splice(0)) await ledger.close();
    for (const tier of tiers.splice(0)) tier.close();
    if (!stopped) await redis.stop();
    await engine.destroy();
  });

  async function openCached(): Promise<CachedLedger> {
    const ledger: Ledger = await createLedger({
      store: await engine.open(),
      logger: SILENT_LOGGER,
      pollIntervalMs: 50,
    });
    await ledger.declareCollections([COLLECTION, CACHE_KEYS_COLLECTION]);
    const tier = createRedisTier({ url: redis.url, keyPrefix: 'test:', log: SILENT_LOGGER });
    tiers.push(tier);
    return createCachedLedger({ ledger, sharedTier: tier });
  }

  it('are linearizable', async function () {
    this.timeout(TEST_MS_MAX);
    const random = createRandom(seed());
    const history: Call[] = [];
    const until = performance.now() + ATTACK_MS;
    const clients = ledgers.flatMap((ledger, index) =>
      Array.from({ length: CLIENTS_PER_PROCESS }, (_, n) =>
        runClient({ ledger, random, history, until }, `${index}.${n}`),
      ),
    );

    await Promise.all([...clients, harass(redis, random, until)]);

    expect(findViolations(history, REGISTER)).to.deep.equal([]);
    const hits = ledgers.reduce((sum, { cache }) => sum + cache.metrics.nearHits, 0);
    const shared = ledgers.reduce((sum, { cache }) => sum + cache.metrics.sharedHits, 0);
    expect(hits, 'reads from the near tier').to.be.greaterThan(0);
    expect(shared, 'reads from Redis').to.be.greaterThan(0);
  });

  it('go on, and do not wait for it, when it has died', async function () {
    this.timeout(TEST_MS_MAX);
    const [ledger] = ledgers;
    if (ledger === undefined) throw new Error('There is no process');
    await redis.stop();
    stopped = true;
    await ledger.commit({ writes: [{ kind: 'put', collection: COLLECTION, id: 'a', value: { text: 'x' } }] });

    const values = await Promise.all(Array.from({ length: 200 }, () => ledger.get(COLLECTION, 'a')));

    expect(values.every((value) => value?.value.text === 'x')).to.equal(true);
  });
});

interface Client {
  readonly ledger: CachedLedger;
  readonly random: () => number;
  readonly history: Call[];
  readonly until: number;
}

async function runClient({ ledger, random, history, until }: Client, name: string): Promise<void> {
  for (let count = 0; performance.now() < until; count += 1) {
    const key = `${Math.floor(performance.now() / EPOCH_MS)}-${Math.floor(random() * KEYS)}`;
    const start = performance.now();
    if (random() < 0.15) {
      const value = `${name}.${count}`;
      await ledger.commit({ writes: [{ kind: 'put', collection: COLLECTION, id: key, value: { text: value } }] });
      history.push({ key, input: { kind: 'put', value }, output: '', start, end: performance.now() });
    } else {
      const text = (await ledger.get(COLLECTION, key))?.value.text;
      const output = typeof text === 'string' ? text : '';
      history.push({ key, input: { kind: 'get' }, output, start, end: performance.now() });
    }
    await delay(random() * 5);
  }
}

/** Empties Redis, freezes it, gives it back what it held before, and puts values under wrong names. */
async function harass(redis: RedisServer, random: () => number, until: number): Promise<void> {
  const client = new Redis(redis.url, { maxRetriesPerRequest: null });
  let snapshot: (readonly [key: string, value: Buffer])[] = [];
  const tricks = [
    () => client.flushall(),
    async () => {
      process.kill(redis.pid, 'SIGSTOP');
      await delay(60);
      process.kill(redis.pid, 'SIGCONT');
    },
    async () => {
      snapshot = await takeSnapshot(client);
    },
    async () => {
      for (const [key, value] of snapshot) await client.set(key, value);
    },
    async () => {
      const [first, second] = await takeSnapshot(client);
      if (first && second) await client.set(first[0], second[1]);
    },
  ];
  while (performance.now() < until) {
    await tricks[Math.floor(random() * tricks.length)]?.();
    await delay(random() * 60);
  }
  client.disconnect();
}

async function takeSnapshot(client: Redis): Promise<(readonly [key: string, value: Buffer])[]> {
  const keys = await client.keys('test:*');
  const entries = await Promise.all(keys.map(async (key) => [key, await client.getBuffer(key)] as const));
  return entries.flatMap(([key, value]) => (value === null ? [] : [[key, value] as const]));
}
