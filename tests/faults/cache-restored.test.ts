import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { createEnvelopes } from '../../src/cache/envelope.js';
import type { CachedLedger } from '../../src/repositories/cached-ledger.js';
import { openEmbeddedStore } from '../../src/store/embedded/open-embedded-store.js';
import type { Store } from '../../src/store/store.js';
import {
  type CachedLedgerParts,
  type CachedLedgers,
  createCachedLedgers,
  KEY_PREFIX,
} from '../support/cached-ledgers.js';
import { type RedisServer, startRedisServer } from '../support/redis-server.js';
import { requireTool } from '../support/require-tool.js';

const COLLECTION = 'orders';

// Redis keeps what was read of a history that was lost, at revisions that the restored one has yet to come to.
describe('cached reads of a database that was restored from a backup', function () {
  this.timeout(30_000);
  let redis: RedisServer;
  let client: Redis;
  let root: string;
  let dataDir: string;
  let stores: Store[];
  let ledgers: CachedLedgers;

  before(requireTool('redis'));
  before(async () => {
    redis = await startRedisServer();
    client = new Redis(redis.url);
  });
  after(async () => {
    client?.disconnect();
    await redis?.stop();
  });

  beforeEach(async () => {
    await client.flushall();
    root = await mkdtemp(join(tmpdir(), 'keelson-restored-'));
    dataDir = join(root, 'data');
    stores = [];
    const open = async () => {
      const store = await openEmbeddedStore({ dataDir });
      stores.push(store);
      return store;
    };
    ledgers = createCachedLedgers({ open }, COLLECTION);
  });
  afterEach(async () => {
    await stop();
    await rm(root, { recursive: true });
  });

  const stop = async () => {
    await ledgers.close();
    for (const store of stores.splice(0)) await store.close();
  };
  const put = (ledger: CachedLedger, id: string, text: string) =>
    ledger.commit({ writes: [{ kind: 'put', collection: COLLECTION, id, value: { text } }] });
  const read = async (ledger: CachedLedger) => (await ledger.get(COLLECTION, 'x'))?.value['text'];

  /** Gives what is read of a document that was lost with the history behind the backup, after so many new commits. */
  async function readRestored(commitsSince: number, cache: CachedLedgerParts['cache']): Promise<unknown> {
    const parts = { redisUrl: redis.url, ...(cache && { cache }) };
    await put(await ledgers.open(parts), 'x', 'kept');
    await stop();
    await cp(dataDir, join(root, 'backup'), { recursive: true });

    const lost = await ledgers.open(parts);
    await put(lost, 'x', 'lost');
    expect(await read(lost)).to.equal('lost');
    while ((await client.exists(`${KEY_PREFIX}${COLLECTION}/x`)) === 0) await delay(2);
    await stop();
    await rm(dataDir, { recursive: true });
    await cp(join(root, 'backup'), dataDir, { recursive: true });

    const restored = await ledgers.open(parts);
    for (let n = 0; n < commitsSince; n += 1) await put(restored, 'other', `${n}`);
    return read(restored);
  }

  /** Seals what is of one history and what is of another alike. */
  const forgetful: CachedLedgerParts['cache'] = ({ shared }) =>
    shared ? { shared: { ...shared, envelopes: createEnvelopes(Buffer.alloc(32, 1), () => 0n) } } : {};

  for (const commits of [0, 1, 5]) {
    it(`are of what was restored, ${commits} commits behind the restored end`, async () => {
      expect(await readRestored(commits, undefined)).to.equal('kept');
    });

    it(`are of what was lost where seals are not bound to a history, ${commits} commits behind it`, async () => {
      expect(await readRestored(commits, forgetful)).to.equal('lost');
    });
  }
});
