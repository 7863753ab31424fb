import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Document, MongoClient } from 'mongodb';
import { backUp, restore } from '../../src/backup.js';
import { createLedger, type Ledger } from '../../src/ledger/ledger.js';
import { OWN_COLLECTIONS } from '../../src/store/mongo/database.js';
import { openMongoStore } from '../../src/store/mongo/open-mongo-store.js';
import { startTestApp } from '../support/app.js';
import { describeMongo } from '../support/describe-mongo.js';
import { createManualClock, type ManualClock } from '../support/manual-clock.js';
import { createMongoEngine } from '../support/mongo-engine.js';
import { type MongoProxy, startMongoProxy } from '../support/mongo-proxy.js';
import { type MongoServer, startMongoServer } from '../support/mongo-server.js';
import { put } from '../support/put.js';
import { rejection } from '../support/rejection.js';
import { SILENT_LOGGER } from '../support/silent-logger.js';
import { skipBecause } from '../support/skip-because.js';

const LOOK_INTERVAL_MS = 1_000;
const ENTRIES = 'keelson_entries';
// The packaged server cannot list them.
const COLLECTIONS = [...OWN_COLLECTIONS, 'orders', 'documents'];

// The run book "MongoDB lost" of docs/operations.md: its data is gone, and processes that used it go on.
describeMongo('a database that was replaced while processes use it', (server) => {
  const closers: (() => unknown)[] = [];
  let clock: ManualClock;

  beforeEach(() => {
    clock = createManualClock();
  });
  afterEach(async () => {
    for (const close of closers.splice(0).toReversed()) await close();
  });

  async function open(url: string): Promise<Ledger> {
    const store = await openMongoStore({ url, elapsed: () => clock.now() });
    closers.push(() => store.close());
    await store.declareCollections(['orders']);
    const ledger = await createLedger({ store, logger: SILENT_LOGGER });
    closers.push(() => ledger.close());
    return ledger;
  }

  /** A database with three commits, and a ledger that knows of them. */
  async function begin(): Promise<{ url: string; ledger: Ledger }> {
    const engine = createMongoEngine(server());
    closers.push(() => engine.destroy());
    const ledger = await open(engine.url);
    for (const id of ['o-1', 'o-2', 'o-3']) await ledger.commit({ writes: [put(id, {})] });
    return { url: engine.url, ledger };
  }

  /** Proves it for every kind of call. */
  async function expectRefused(ledger: Ledger): Promise<void> {
    const replaced = { reason: 'STORE_REPLACED' };
    expect(await rejection(ledger.get('orders', 'o-1'))).to.include(replaced);
    expect(await rejection(ledger.get('orders', 'o-1', { freshness: 'any' }))).to.include(replaced);
    expect(await rejection(ledger.commit({ writes: [put('o-4', {})] }))).to.include(replaced);
    expect(await rejection(ledger.leases.read({ kind: 'k', id: 'l' }))).to.include(replaced);
    expect(await rejection(ledger.saveFollower({ name: 'f', revision: 1 }))).to.include(replaced);
  }

  it('is noticed within a second, on connections that stand', async () => {
    const { url, ledger } = await begin();
    await emptyDatabase(url);
    clock.advance(LOOK_INTERVAL_MS + 1);

    await expectRefused(ledger);
    expect(await allDocuments(url), 'what was written').to.deep.equal([]);
  });

  it('is noticed when it has lost the last commit only', async () => {
    const { url, ledger } = await begin();
    await change(url, (client) => client.db().collection<{ _id: number }>(ENTRIES).deleteOne({ _id: 3 }));
    clock.advance(LOOK_INTERVAL_MS + 1);

    await expectRefused(ledger);
  });

  it('is noticed by a process that has read nothing but how far it goes', async () => {
    const { url } = await begin();
    const other = await open(url);
    await change(url, (client) => client.db().collection<{ _id: number }>(ENTRIES).deleteOne({ _id: 3 }));
    clock.advance(LOOK_INTERVAL_MS + 1);

    await expectRefused(other);
  });

  it('is noticed when it has another last commit', async () => {
    const { url, ledger } = await begin();
    const changed = { $set: { hash: 'f'.repeat(64) } };
    await change(url, (client) => client.db().collection<{ _id: number }>(ENTRIES).updateOne({ _id: 3 }, changed));
    clock.advance(LOOK_INTERVAL_MS + 1);

    await expectRefused(ledger);
  });

  it('is noticed when an older backup was restored in its place', async () => {
    const { url, ledger } = await begin();
    const folder = await mkdtemp(join(tmpdir(), 'keelson-backup-'));
    closers.push(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, 'backup');
    await backUp({ storeUrl: url, dataDir: folder }, file);
    await ledger.commit({ writes: [put('o-4', {})] });
    await emptyDatabase(url);
    await restore({ storeUrl: url, dataDir: folder }, file);
    clock.advance(LOOK_INTERVAL_MS + 1);

    await expectRefused(ledger);
    const afterwards = await open(url);
    await afterwards.commit({ writes: [put('o-5', {})] });
    expect(afterwards.revision(), 'of a process that was started again').to.equal(4);
  });

  it('is not taken for replaced when the whole history was dropped', async () => {
    const { url, ledger } = await begin();
    await change(url, async (client) => {
      const entries = client.db().collection<{ _id: number; hash: string; time: number }>(ENTRIES);
      const last = await entries.findOne({ _id: 3 });
      const floor = { revision: 3, hash: last?.hash, time: last?.time };
      await client
        .db()
        .collection<Document & { _id: string }>('keelson_positions')
        .insertOne({ _id: 'floor', ...floor });
      await entries.deleteMany({});
    });
    clock.advance(LOOK_INTERVAL_MS + 1);

    expect((await ledger.commit({ writes: [put('o-4', {})] })).revision).to.equal(4);
  });

  context('by an empty one that answers at its address', () => {
    let empty: MongoServer;

    beforeEach(async function () {
      const started = await startMongoServer();
      if (started === undefined || started.isReal) return skipBecause(this, 'needs two servers, of which one is empty');
      empty = started;
      closers.push(() => empty.stop());
    });

    /** A database whose address may come to lead to the other one, which is empty. */
    async function behindProxy(): Promise<{ proxy: MongoProxy; other: string }> {
      const engine = createMongoEngine(server());
      closers.push(() => engine.destroy());
      const proxy = await startMongoProxy(engine.url);
      closers.push(() => proxy.close());
      return { proxy, other: empty.urlOf(new URL(engine.url).pathname.slice(1)) };
    }

    it('gets nothing, not even a commit that was under way', async () => {
      const { proxy, other } = await behindProxy();
      const ledger = await open(proxy.url);
      await ledger.commit({ writes: [put('o-1', {})] });
      proxy.decide((command, collection) => {
        if (command !== 'insert' || collection !== ENTRIES) return 'pass';
        proxy.decide(() => 'pass');
        proxy.divert(other);
        return 'lose-request';
      });

      expect(await rejection(ledger.commit({ writes: [put('o-2', {})] }))).to.include({ reason: 'STORE_REPLACED' });
      await expectRefused(ledger);
      expect(await allDocuments(other), 'what was written').to.deep.equal([]);
    });

    for (const calls of [1, 20]) {
      it(`is never what ${calls} calls on idle connections are answered from, and gets nothing afterwards`, async () => {
        const { proxy, other } = await behindProxy();
        const ledger = await open(proxy.url);
        await ledger.commit({ writes: [put('o-1', {})] });
        proxy.divert(other);

        const leases = Array.from({ length: calls }, (_, index) =>
          rejection(ledger.leases.swap({ kind: 'k', id: `l-${index}`, fence: undefined, value: {}, expireTime: 9e12 })),
        );
        const commits = Array.from({ length: calls }, (_, index) =>
          rejection(ledger.commit({ writes: [put(`o-${index}`, {})] })),
        );
        for (const err of await Promise.all([...leases, ...commits])) {
          expect(err).to.have.property('reason').that.is.oneOf(['STORE_REPLACED', 'STORE_FAILED']);
        }
        // Of a call that was under way, which had its connection made for it, there may be something.
        const strays = await allDocuments(other);
        await expectRefused(ledger);
        expect(await allDocuments(other), 'what was written').to.deep.equal(strays);
      });
    }

    it('makes a server say so, and serve nothing that needs it', async () => {
      const { proxy, other } = await behindProxy();
      const app = await startTestApp({ KEELSON_STORE_URL: proxy.url, KEELSON_ADMIN_LISTEN: '127.0.0.1:0' });
      closers.push(() => app.close());
      const headers = { authorization: `Bearer ${app.token}`, 'content-type': 'application/json' };
      const at = `${app.http}/v1/collections/notes/documents`;
      const post = (id: string) => fetch(`${at}?documentId=${id}`, { method: 'POST', headers, body: '{"fields":{}}' });
      expect((await post('n-1')).status).to.equal(200);

      proxy.divert(other);

      expect((await post('n-2')).status).to.equal(503);
      expect((await fetch(`${at}/n-1`, { headers })).status).to.equal(503);
      expect(await untilReadyzSays(app.admin, 503)).to.include('database: lost');
      expect((await fetch(`${app.admin}/healthz`)).status).to.equal(200);
      expect(await allDocuments(other), 'what was written').to.deep.equal([]);
    });
  });
});

async function change(url: string, work: (client: MongoClient) => Promise<unknown>): Promise<void> {
  const client = new MongoClient(url);
  try {
    await work(client);
  } finally {
    await client.close();
  }
}

function emptyDatabase(url: string): Promise<void> {
  return change(url, async (client) => {
    for (const name of COLLECTIONS) await client.db().collection(name).deleteMany({});
  });
}

async function allDocuments(url: string): Promise<unknown[]> {
  const found: unknown[] = [];
  await change(url, async (client) => {
    for (const name of COLLECTIONS) found.push(...(await client.db().collection(name).find().toArray()));
  });
  return found;
}

/** Looks until it is there: how long it may take is the test's own limit. */
async function untilReadyzSays(admin: string, status: number): Promise<string> {
  for (;;) {
    const response = await fetch(`${admin}/readyz`);
    const text = await response.text();
    if (response.status === status) return text;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
