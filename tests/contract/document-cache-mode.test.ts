import { expect } from 'chai';
import { DOCUMENT_RESOURCES } from '../../src/document-services.js';
import { createCollections } from '../../src/repositories/documents/collections.js';
import { createDocuments, DOCUMENTS_COLLECTION } from '../../src/repositories/documents.js';
import { createCachedLedgers } from '../support/cached-ledgers.js';
import { describeMongo } from '../support/describe-mongo.js';
import { createEmbeddedEngine } from '../support/embedded-engine.js';
import type { CreateEngine, Engine } from '../support/engine.js';
import { createMongoEngine } from '../support/mongo-engine.js';

const READS = 5;

describe('the cache mode of a collection, on the embedded engine', () => testCacheMode(createEmbeddedEngine));
describeMongo('the cache mode of a collection, on MongoDB', (server) =>
  testCacheMode(async () => createMongoEngine(server())),
);

function testCacheMode(createEngine: CreateEngine): void {
  let engine: Engine;
  beforeEach(async () => {
    engine = await createEngine();
  });
  afterEach(() => engine.destroy());

  for (const [isCached, looksMax] of [
    [true, 1],
    [false, READS],
  ] as const) {
    it(`${isCached ? 'lets reads be answered from memory' : 'has each document read from the database, however often'}`, async () => {
      const names = DOCUMENT_RESOURCES.map(({ collection }) => collection);
      const ledgers = createCachedLedgers(engine, ...names);
      let looks = 0;
      const ledger = await ledgers.open({
        store: (store) => ({
          getDocuments: (request) => {
            if (request.collection === DOCUMENTS_COLLECTION) looks += 1;
            return store.getDocuments(request);
          },
        }),
      });
      await createCollections(ledger).create({ parent: '', id: 'shop', content: { ttlField: '', isCached } });
      const documents = createDocuments(ledger);
      const { name } = await documents.create({ parent: 'collections/shop', id: 'a', content: { fields: { n: 1 } } });
      looks = 0;

      for (let read = 0; read < READS; read += 1) expect((await documents.get(name)).fields).to.deep.equal({ n: 1 });

      if (isCached) expect(looks).to.be.at.most(looksMax);
      else expect(looks).to.be.at.least(looksMax);
      await ledgers.close();
    });
  }
}
