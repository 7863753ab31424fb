import { expect } from 'chai';
import { MongoClient } from 'mongodb';
import { createLedger } from '../../src/ledger/ledger.js';
import { DATA_FORMAT } from '../../src/store/mongo/database.js';
import { openMongoStore } from '../../src/store/mongo/open-mongo-store.js';
import { describeMongo } from '../support/describe-mongo.js';
import { freePort } from '../support/free-port.js';
import { createMongoEngine } from '../support/mongo-engine.js';
import { startMongoProxy } from '../support/mongo-proxy.js';
import { rejection } from '../support/rejection.js';
import { SILENT_LOGGER } from '../support/silent-logger.js';
import { describeStore } from './store.js';

describeMongo('the MongoDB engine', (server) => {
  describeStore(async () => createMongoEngine(server()));

  context('when a newer release wrote the database', () => {
    it('rejects with NEWER_DATA_FORMAT', async () => {
      const engine = createMongoEngine(server());
      await (await engine.open()).close();
      const client = new MongoClient(engine.url);
      const marks = client.db().collection<{ _id: string }>('keelson_database');
      await marks.updateOne({ _id: 'ledger' }, { $set: { format: DATA_FORMAT + 1 } });
      await client.close();
      expect(await rejection(engine.open())).to.include({ reason: 'NEWER_DATA_FORMAT' });
      await engine.destroy();
    });
  });
});

describe('openMongoStore()', () => {
  context('when no server answers', () => {
    it('rejects with STORE_FAILED', async () => {
      const url = `mongodb://127.0.0.1:${await freePort()}/keelson`;
      expect(await rejection(openMongoStore({ url, selectionTimeoutMs: 100 }))).to.include({ reason: 'STORE_FAILED' });
    });
  });
});

describeMongo('the MongoDB engine, when its server goes away', (server) => {
  it('rejects reads with STORE_FAILED, and a ledger closes in time', async function () {
    this.timeout(20_000);
    const engine = createMongoEngine(server());
    const proxy = await startMongoProxy(engine.url);
    const store = await openMongoStore({ url: proxy.url, selectionTimeoutMs: 1_000 });
    await store.declareCollections(['orders']);
    const ledger = await createLedger({ store, logger: SILENT_LOGGER });
    proxy.cut();

    const committing = ledger.commit({ writes: [{ kind: 'put', collection: 'orders', id: 'o-1', value: {} }] });
    committing.catch(() => {});
    expect(await rejection(ledger.get('orders', 'o-1'))).to.include({ reason: 'STORE_FAILED' });
    await ledger.close();
    await store.close();
    await rejection(committing);
    await proxy.close();
    await engine.destroy();
  });
});
