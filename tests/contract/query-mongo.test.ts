import { expect } from 'chai';
import { type Document, MongoClient } from 'mongodb';
import { createLedger } from '../../src/ledger/ledger.js';
import type { OrderField } from '../../src/store/query/condition.js';
import { choosePlan } from '../../src/store/query/plan.js';
import { segmentsBehind } from '../../src/store/query/segments.js';
import { walkRange } from '../../src/store/mongo/query-reads.js';
import { describeMongo } from '../support/describe-mongo.js';
import { createMongoEngine } from '../support/mongo-engine.js';
import { SILENT_LOGGER } from '../support/silent-logger.js';
import { skipBecause } from '../support/skip-because.js';
import { describeQueries } from './query.js';
import { describeResources } from './query-resources.js';

const DOCUMENTS = 400;
const LIMIT = 10;

describeMongo('queries on a MongoDB server', (server) => describeQueries(async () => createMongoEngine(server())));

describeMongo('resources on a MongoDB server', (server) => describeResources(async () => createMongoEngine(server())));

describeMongo('the plan of a query on a MongoDB server', (server) => {
  const rank: OrderField = { field: { kind: 'value', keys: ['rank'] }, descending: false };
  const request = { parent: 'p/', condition: { kind: 'and', conditions: [] }, orderBy: [rank] } as const;

  it('walks along an index, from a place in the middle on', async function () {
    this.timeout(20_000);
    if (!server().isReal) skipBecause(this, 'this server cannot explain a query');
    const engine = createMongoEngine(server());
    const store = await engine.open();
    const ledger = await createLedger({ store, logger: SILENT_LOGGER });
    await ledger.declareCollections(['orders']);
    await ledger.declareIndexes('orders', [{ fields: [rank] }]);
    const numbers = Array.from({ length: DOCUMENTS }, (_, index) => index);
    await ledger.commit({
      writes: numbers.map((n) => ({ kind: 'put', collection: 'orders', id: `p/${n}`, value: { rank: n % 50 } })),
    });
    const plan = choosePlan(request, [{ fields: [rank] }]);
    const after = { id: 'p/25', keys: [{ rank: 4, scalar: 25 }] };
    for (const segment of segmentsBehind(after, request.orderBy)) {
      const range = plan.kind === 'walk' ? walkRange(request, plan, segment) : undefined;
      const explained = range && (await explain(engine.url, range));
      expect(JSON.stringify(explained?.['queryPlanner']))
        .to.include('IXSCAN')
        .and.not.match(/COLLSCAN|"SORT"/);
      expect(explained)
        .to.have.nested.property('executionStats.totalKeysExamined')
        .that.is.at.most(LIMIT + 1);
    }
    await ledger.close();
    await engine.destroy();
  });
});

async function explain(url: string, { filter, sort }: NonNullable<ReturnType<typeof walkRange>>): Promise<Document> {
  const client = new MongoClient(url);
  try {
    return await client.db().collection('orders').find(filter, { sort, limit: LIMIT }).explain('executionStats');
  } finally {
    await client.close();
  }
}
