import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { createLedger, type Ledger } from '../../src/ledger/ledger.js';
import { createRedisWake, type RedisWake } from '../../src/ledger/wake/redis-wake.js';
import { describeMongo } from '../support/describe-mongo.js';
import { createMongoEngine } from '../support/mongo-engine.js';
import { type RedisServer, startRedisServer } from '../support/redis-server.js';
import { requireTool } from '../support/require-tool.js';
import { SILENT_LOGGER } from '../support/silent-logger.js';

const NEVER_MS = 3_600_000;

describeMongo('createRedisWake()', (server) => {
  before(requireTool('redis'));
  let engine: ReturnType<typeof createMongoEngine>;
  let redis: RedisServer;
  const wakes: RedisWake[] = [];
  const ledgers: Ledger[] = [];

  const openLedger = async (pollIntervalMs: number) => {
    const store = await engine.open();
    await store.declareCollections(['orders']);
    const wake = createRedisWake({ url: redis.url, databaseId: store.databaseId, logger: SILENT_LOGGER });
    const ledger = await createLedger({ store, logger: SILENT_LOGGER, wake, pollIntervalMs });
    wakes.push(wake);
    ledgers.push(ledger);
    return ledger;
  };
  const put = (ledger: Ledger) =>
    ledger.commit({ writes: [{ kind: 'put', collection: 'orders', id: 'o-1', value: {} }] });
  const untilSeen = async (ledger: Ledger, revision: number) => {
    while (ledger.revision() < revision) await delay(1);
  };

  beforeEach(async () => {
    engine = createMongoEngine(server());
    redis = await startRedisServer();
  });
  afterEach(async () => {
    for (const ledger of ledgers.splice(0)) await ledger.close();
    for (const wake of wakes.splice(0)) wake.close();
    await redis.stop();
    await engine.destroy();
  });

  it('wakes a follower in another process that never looks by itself', async () => {
    const [writer, reader] = [await openLedger(NEVER_MS), await openLedger(NEVER_MS)];
    // Until both are connected, what is announced is lost.
    let revision = 0;
    while (reader.revision() === 0) {
      revision = (await put(writer)).revision;
      await delay(20);
    }
    const start = performance.now();
    revision = (await put(writer)).revision;
    await untilSeen(reader, revision);
    expect(performance.now() - start).to.be.lessThan(1_000);
  });

  it('costs time and nothing else when the server is gone', async () => {
    const [writer, reader] = [await openLedger(20), await openLedger(20)];
    await redis.stop();
    const { revision } = await put(writer);
    await untilSeen(reader, revision);
    expect((await reader.get('orders', 'o-1'))?.revision).to.equal(revision);
  });
});
