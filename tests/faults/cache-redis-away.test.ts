import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { DocumentServiceDefinition } from '../../gen/keelson/documents/v1/document_service.js';
import { createClient } from '../../src/rpc/client/create-client.js';
import type { CachedLedger } from '../../src/repositories/cached-ledger.js';
import { startTestApp } from '../support/app.js';
import { type CachedLedgerParts, type CachedLedgers, createCachedLedgers } from '../support/cached-ledgers.js';
import { createEmbeddedEngine } from '../support/embedded-engine.js';
import { type MortalRedis, startMortalRedis } from '../support/mortal-redis.js';
import { requireTool } from '../support/require-tool.js';

const COLLECTION = 'orders';
const TEST_MS_MAX = 30_000;
/** Much more than a read of the database takes on a busy machine, so that waiting for Redis can be told from it. */
const BUDGET_MS = 400;
/** So many answers that do not come open the circuit. */
const FAILURES_MAX = 5;
const PROBE_EVERY_MS = 1_000;
const NAMES = 1_000;

describe('cached reads while Redis is away', function () {
  this.timeout(TEST_MS_MAX);
  let engine: Awaited<ReturnType<typeof createEmbeddedEngine>>;
  let redis: MortalRedis;
  let ledgers: CachedLedgers;
  let ledger: CachedLedger;
  let count: number;

  before(requireTool('redis'));

  beforeEach(async () => {
    count = 0;
    engine = await createEmbeddedEngine();
    redis = await startMortalRedis();
    ledgers = createCachedLedgers(engine, COLLECTION);
  });

  afterEach(async () => {
    await ledgers.close();
    await redis.end();
    await engine.destroy();
  });

  const open = async (cache: CachedLedgerParts['cache'] = () => ({})) => {
    ledger = await ledgers.open({ redisUrl: redis.url, budgetMs: BUDGET_MS, cache });
  };

  /** Reads a name that nobody has read yet, which asks Redis if it can be asked; gives how long it took. */
  const readCold = async () => {
    const began = performance.now();
    count += 1;
    await ledger.get(COLLECTION, `cold-${count}`);
    return performance.now() - began;
  };

  it('wait for a frozen one no longer than the budget, a few times, and then not at all', async () => {
    await open();
    redis.freeze();
    const times: number[] = [];
    for (let n = 0; n < NAMES; n += 1) times.push(await readCold());

    const waited = times.filter((ms) => ms >= BUDGET_MS - 1).length;
    const sorted = times.toSorted((a, b) => a - b);
    // One a second is let through to see whether things are better.
    const probes = Math.ceil(times.reduce((sum, ms) => sum + ms, 0) / PROBE_EVERY_MS);
    expect(waited, 'reads that waited').to.be.within(1, FAILURES_MAX + probes);
    expect(sorted.at(-1), 'the longest').to.be.below(3 * BUDGET_MS);
    expect(sorted[Math.floor(0.98 * NAMES)], 'the 98th percentile').to.be.below(BUDGET_MS / 4);
    expect(ledger.cache.isSharing()).to.equal(false);
  });

  it('wait for a frozen one together, when they come together', async () => {
    let waiting = 0;
    let mostWaiting = 0;
    await open(({ shared }) => {
      if (shared === undefined) return {};
      const get: typeof shared.tier.get = async (key) => {
        waiting += 1;
        mostWaiting = Math.max(mostWaiting, waiting);
        try {
          return await shared.tier.get(key);
        } finally {
          waiting -= 1;
        }
      };
      return { shared: { ...shared, tier: { ...shared.tier, get } } };
    });
    redis.freeze();

    await Promise.all(Array.from({ length: NAMES }, readCold));

    // The first test tells how long one waits. Whatever this machine does beside, nobody waited for the wait of another.
    expect(mostWaiting).to.equal(NAMES);
  });

  it('go on from memory as if nothing were, while it is frozen', async () => {
    await open();
    await ledger.commit({ writes: [{ kind: 'put', collection: COLLECTION, id: 'hot', value: { text: 'x' } }] });
    await ledger.get(COLLECTION, 'hot');
    redis.freeze();
    const times: number[] = [];
    for (let n = 0; n < 1_000; n += 1) {
      const began = performance.now();
      const document = await ledger.get(COLLECTION, 'hot');
      times.push(performance.now() - began);
      expect(document?.value).to.deep.equal({ text: 'x' });
    }

    expect(times.toSorted((a, b) => a - b)[990], 'the 99th percentile').to.be.below(BUDGET_MS / 4);
  });

  it('do not wait for a dead one', async () => {
    await open();
    await redis.kill();
    while (ledger.cache.isSharing()) await delay(2);
    const times: number[] = [];
    for (let n = 0; n < NAMES; n += 1) times.push(await readCold());

    expect(times.filter((ms) => ms >= BUDGET_MS - 1)).to.deep.equal([]);
    await redis.start();
  });

  it('come from it again when it is back', async () => {
    // It keeps one entry or none, so that of several names most have to come from elsewhere.
    await open(() => ({ nearBytesMax: 600 }));
    redis.freeze();
    while (ledger.cache.isSharing()) await readCold();
    redis.thaw();
    // A call is let through every second, to see whether it answers.
    while (!ledger.cache.isSharing()) {
      await readCold();
      await delay(20);
    }

    const { metrics } = ledger.cache;
    const before = metrics.sharedHits;
    for (let n = 0; metrics.sharedHits === before; n += 1) await ledger.get(COLLECTION, `shared-${n % 4}`);
  });
});

describe('a server whose Redis is away', function () {
  this.timeout(TEST_MS_MAX);
  let redis: MortalRedis;

  before(requireTool('redis'));
  beforeEach(async () => {
    redis = await startMortalRedis();
  });
  afterEach(() => redis.end());

  it('answers, and says so in a metric until it is back', async () => {
    const app = await startTestApp({ KEELSON_REDIS_URL: redis.url, KEELSON_ADMIN_LISTEN: '127.0.0.1:0' });
    const documents = createClient(DocumentServiceDefinition, app);
    let count = 0;
    const readCold = () => {
      count += 1;
      return documents.getDocument({ name: `collections/notes/documents/cold-${count}` }).catch((err: unknown) => err);
    };
    const untilMetricsSay = async (sharing: number, circuitOpen: number) => {
      const lines = [`keelson_cache_sharing ${sharing}`, `keelson_cache_circuit_open ${circuitOpen}`];
      for (;;) {
        const text = await (await fetch(`${app.admin}/metrics`)).text();
        if (lines.every((line) => text.includes(`\n${line}\n`))) return;
        expect(await readCold()).to.have.property('reason', 'RESOURCE_NOT_FOUND');
        await delay(10);
      }
    };

    await untilMetricsSay(1, 0);
    redis.freeze();
    await untilMetricsSay(0, 1);
    redis.thaw();
    await untilMetricsSay(1, 0);
    await redis.kill();
    await untilMetricsSay(0, 0);
    await redis.start();
    await untilMetricsSay(1, 0);

    documents.close();
    await app.close();
  });
});
