import { expect } from 'chai';
import { MongoClient } from 'mongodb';
import { DATA_FORMAT } from '../../src/store/mongo/database.js';
import { describeMongo } from '../support/describe-mongo.js';
import { createMongoEngine } from '../support/mongo-engine.js';
import { rejection } from '../support/rejection.js';
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
