import { expect } from 'chai';
import { type Document, MongoClient, MongoServerError, type Sort } from 'mongodb';
import { createLedger, type Ledger } from '../../src/ledger/ledger.js';
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

  let engine: ReturnType<typeof createMongoEngine>;
  let client: MongoClient;
  let ledger: Ledger;

  beforeEach(async () => {
    engine = createMongoEngine(server());
    client = new MongoClient(engine.url);
    ledger = await createLedger({ store: await engine.open(), logger: SILENT_LOGGER });
    await ledger.declareCollections(['orders']);
    await ledger.declareIndexes('orders', [{ fields: [rank] }]);
  });
  afterEach(async () => {
    await ledger.close();
    await client.close();
    await engine.destroy();
  });

  it('walks along an index, from a place in the middle on', async function () {
    if (!(await canWalk(client)))
      skipBecause(this, 'this server sorts even what an index of several keys has in that order');
    const numbers = Array.from({ length: DOCUMENTS }, (_, index) => index);
    await ledger.commit({
      writes: numbers.map((n) => ({ kind: 'put', collection: 'orders', id: `p/${n}`, value: { rank: n % 50 } })),
    });
    const plan = choosePlan(request, [{ fields: [rank] }]);
    const after = { id: 'p/25', keys: [{ rank: 4, scalar: 25 }] };
    for (const segment of segmentsBehind(after, request.orderBy)) {
      const range = plan.kind === 'walk' ? walkRange(request, plan, segment) : undefined;
      const explained = range && (await explain(client, 'orders', range));
      expect(JSON.stringify(explained?.['queryPlanner']))
        .to.include('IXSCAN')
        .and.not.match(/COLLSCAN|"SORT"/);
      expect(explained)
        .to.have.nested.property('executionStats.totalKeysExamined')
        .that.is.at.most(LIMIT + 1);
    }
  });
});

interface Explained {
  readonly filter: Document;
  readonly sort: Sort;
}

/** Tells whether a server sorts nothing for the plainest query in the order of an index of several keys. */
async function canWalk(client: MongoClient): Promise<boolean> {
  const plain = client.db().collection('plain');
  await plain.createIndex({ parent: 1, n: 1, _id: 1 });
  await plain.insertMany(Array.from({ length: DOCUMENTS }, (_, n) => ({ parent: 'p/', n })));
  const query = { filter: { parent: 'p/', n: { $gte: 0 } }, sort: { n: 1, _id: 1 } } as const;
  const explained = await explain(client, 'plain', query).catch(noExplanation);
  return explained !== undefined && !JSON.stringify(explained['queryPlanner']).includes('"SORT"');
}

function noExplanation(err: unknown): undefined {
  if (err instanceof MongoServerError) return undefined;
  throw err;
}

function explain(client: MongoClient, collection: string, { filter, sort }: Explained): Promise<Document> {
  return client.db().collection(collection).find(filter, { sort, limit: LIMIT }).explain('executionStats');
}
