import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { DOCUMENT_RESOURCES } from '../../src/document-services.js';
import { createLedger, type Ledger } from '../../src/ledger/ledger.js';
import { createDocuments, DOCUMENTS, type Documents } from '../../src/repositories/documents.js';
import { createCollections, type Collections } from '../../src/repositories/documents/collections.js';
import { INDEX_ENTRIES_COLLECTION, UNIQUE_KEYS_COLLECTION } from '../../src/repositories/documents/index-entries.js';
import { startIndexJobs, type IndexJobs } from '../../src/repositories/documents/index-jobs.js';
import { createIndexes, type Indexes } from '../../src/repositories/documents/indexes.js';
import { createOperations, type Operations } from '../../src/repositories/documents/operations.js';
import { declareResources } from '../../src/repositories/resource.js';
import { createGate, type Gate } from '../support/delegating-store.js';
import { describeMongo } from '../support/describe-mongo.js';
import { createEmbeddedEngine } from '../support/embedded-engine.js';
import type { CreateEngine, Engine } from '../support/engine.js';
import { createMongoEngine } from '../support/mongo-engine.js';
import { SILENT_LOGGER } from '../support/silent-logger.js';

const TEST_MS_MAX = 120_000;
const PARENT = 'collections/shop';
/** More than a build takes in one step, of which it has done one when it is stopped. */
const DOCUMENTS_THERE = 250;
const STEP = 100;
const LOOK_MS = 20;

describe('the build of an index, on the embedded engine', () => testBuilds(createEmbeddedEngine));
describeMongo('the build of an index, on MongoDB', (server) => testBuilds(async () => createMongoEngine(server())));

function testBuilds(createEngine: CreateEngine): void {
  let engine: Engine;
  let ledger: Ledger;
  let documents: Documents;
  let collections: Collections;
  let indexes: Indexes;
  let operations: Operations;
  let gate: Gate;
  let jobs: IndexJobs;
  let operation: string;

  beforeEach(async function () {
    this.timeout(TEST_MS_MAX);
    engine = await createEngine();
    ledger = await createLedger({ store: await engine.open(), logger: SILENT_LOGGER });
    await declareResources(ledger, DOCUMENT_RESOURCES);
    documents = createDocuments(ledger);
    collections = createCollections(ledger);
    indexes = createIndexes({ ledger, collections });
    operations = createOperations(ledger);
    await collections.create({ parent: '', id: 'shop', content: { ttlField: '', isCached: true } });
    for (let first = 0; first < DOCUMENTS_THERE; first += 50) {
      await Promise.all(Array.from({ length: 50 }, (_, index) => put(`d${first + index}`, first + index)));
    }
    operation = await indexes.create({ parent: PARENT, id: 'n', orderBy: 'fields.n', unique: true, sparse: false });
    gate = createGate();
    let steps = 0;
    const transact: Ledger['transact'] = async (...args) => {
      if ((steps += 1) > 1) await gate.pass();
      return ledger.transact(...args);
    };
    jobs = startIndexJobs({ ledger: { ...ledger, transact }, collections, documents: DOCUMENTS, log: SILENT_LOGGER });
    await gate.reached;
  });

  afterEach(async function () {
    this.timeout(TEST_MS_MAX);
    gate.open();
    await jobs.close();
    await ledger.close();
    await engine.destroy();
  });

  const put = (id: string, n: number) => documents.create({ parent: PARENT, id, content: { fields: { n } } });
  const entries = async () => {
    const kept = [INDEX_ENTRIES_COLLECTION, UNIQUE_KEYS_COLLECTION];
    const scans = await Promise.all(kept.map((collection) => ledger.scan(collection, { limit: 1_000 })));
    return scans.flatMap(({ documents: found }) => found).length;
  };
  const untilSwept = async () => {
    jobs.wake();
    while ((await entries()) > 0) await delay(LOOK_MS);
  };

  const ENDS: Readonly<Record<string, () => Promise<unknown>>> = {
    'is cancelled': () => indexes.cancel(operation),
    'has its index deleted': () => indexes.delete(`${PARENT}/indexes/n`),
  };
  for (const [what, end] of Object.entries(ENDS)) {
    it(`that ${what} half-way ends there, leaves nothing, and gives the name free`, async () => {
      expect((await operations.get(operation)).count).to.equal(STEP);

      await end();
      gate.open();
      const { outcome, count } = await operations.wait(operation, TEST_MS_MAX);

      expect([outcome, count]).to.deep.equal(['cancelled', STEP]);
      expect(await indexes.list(PARENT)).to.deep.equal([]);
      // Nobody keeps it any more.
      await put('twice', 1);
      await untilSwept();
      const again = { parent: PARENT, id: 'n', orderBy: 'fields.n', unique: false, sparse: false };
      expect((await operations.wait(await indexes.create(again), TEST_MS_MAX)).outcome).to.equal('succeeded');
      expect(await entries()).to.equal(DOCUMENTS_THERE + 1);
    }).timeout(TEST_MS_MAX);
  }

  it('is kept by every write while it goes on, and says how far it is', async () => {
    const { count, position, outcome } = await operations.get(operation);
    expect([count, outcome]).to.deep.equal([STEP, undefined]);
    expect(position).to.match(/^collections\/shop\/documents\/d/);

    // One is behind the build's place and one before it.
    await documents.delete({ name: `${PARENT}/documents/d0`, etag: '' });
    await documents.delete({ name: `${PARENT}/documents/d99`, etag: '' });
    await put('a', 0);
    await put('z', 99);
    gate.open();

    const done = await operations.wait(operation, TEST_MS_MAX);
    expect(done.outcome).to.equal('succeeded');
    expect(await entries()).to.equal(2 * DOCUMENTS_THERE);
  }).timeout(TEST_MS_MAX);
}
