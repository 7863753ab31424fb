import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import { DocumentServiceDefinition } from '../../gen/keelson/documents/v1/document_service.js';
import { createLedger, type Ledger } from '../../src/ledger/ledger.js';
import { CACHE_KEYS_COLLECTION, createCachedLedger, type CachedLedger } from '../../src/repositories/cached-ledger.js';
import { createDocuments, DOCUMENTS, type Documents } from '../../src/repositories/documents.js';
import { COLLECTIONS } from '../../src/repositories/documents/collections.js';
import { declareResources } from '../../src/repositories/resource.js';
import type { CallContext } from '../../src/rpc/context.js';
import { DEFAULT_LIMITS } from '../../src/rpc/limits.js';
import type { Method } from '../../src/rpc/method-table.js';
import { createResponseEncoder } from '../../src/rpc/response-encoder.js';
import { createGetDocument } from '../../src/services/documents/get-document.js';
import type { JsonObject } from '../../src/store/json-value.js';
import type { StateDocument } from '../../src/store/state.js';
import { createEmbeddedEngine } from '../support/embedded-engine.js';
import type { Engine } from '../support/engine.js';
import { SILENT_LOGGER } from '../support/silent-logger.js';

const MIB = 1024 * 1024;
const CAP_BYTES = 64 * MIB;
const NAMES = 1_000_000;
/** Several times as many as the cap has room for: what is measured went the whole way, and pushed out such as did. */
const ANSWERED = 150_000;
const AT_ONCE = 1_000;
const TEST_MS_MAX = 120_000;
/** What else a process keeps, and what its garbage collector has not given back. */
const SLACK_BYTES = 24 * MIB;

// Names that are asked for once each: documents of several shapes, and such as are not there.
describe('the memory of cached reads of a million names', function () {
  this.timeout(TEST_MS_MAX);
  const collectGarbage = exposeGarbageCollector();
  let engine: Engine;
  let ledger: Ledger;
  let cached: CachedLedger;
  let documents: Documents;

  beforeEach(async () => {
    engine = await createEmbeddedEngine();
    ledger = await createLedger({ store: await engine.open(), logger: SILENT_LOGGER });
    await ledger.declareCollections([CACHE_KEYS_COLLECTION]);
    await declareResources(ledger, [COLLECTIONS, DOCUMENTS]);
    const invented: Ledger = {
      ...ledger,
      getMany: async (collection, ids) => ({
        revision: ledger.revision(),
        documents: ids.map((id) => inventDocument(collection, id)),
      }),
    };
    cached = await createCachedLedger({ ledger: invented, nearBytesMax: CAP_BYTES });
    documents = createDocuments(cached);
  });

  afterEach(async () => {
    await cached.close();
    await engine.destroy();
  });

  it('stays under the cap, encoded answers included, as reckoned and as measured', async () => {
    const getDocument = createGetDocument({ documents });
    const encode = createResponseEncoder(DEFAULT_LIMITS);
    // The encoder looks at no more of a method than this.
    const method = {
      policy: {},
      responseCodec: DocumentServiceDefinition.methods.getDocument.responseType,
    } as unknown as Method;
    const ctx = {} as CallContext;
    const readOne = async (n: number) => {
      try {
        encode(method, await getDocument(ctx, { name: nameOf(n) }));
      } catch {
        // One in five is not there.
      }
    };
    const before = measure();

    for (let n = 0; n < NAMES; n += AT_ONCE) {
      const read = n < NAMES - ANSWERED ? (one: number) => cached.get(DOCUMENTS.collection, nameOf(one)) : readOne;
      await Promise.all(Array.from({ length: AT_ONCE }, (_, offset) => read(n + offset)));
      expect(cached.cache.nearBytes()).to.be.at.most(CAP_BYTES);
    }

    const held = measure() - before;
    // One more says that the collection has no settings.
    expect(cached.cache.metrics.misses.absent).to.equal(NAMES + 1);
    // It is full, so that the cap is what keeps it.
    expect(cached.cache.nearBytes()).to.be.greaterThan(CAP_BYTES * 0.9);
    expect(held, `${(held / MIB).toFixed(1)} MiB held`).to.be.at.most(CAP_BYTES + SLACK_BYTES);
  });

  function measure(): number {
    collectGarbage();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  }
});

function exposeGarbageCollector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

function nameOf(n: number): string {
  return `collections/orders/documents/o-${n}`;
}

function inventDocument(collection: string, id: string): StateDocument | undefined {
  const n = Number(id.slice(id.lastIndexOf('-') + 1));
  const fields = SHAPES[n % SHAPES.length]?.(n);
  if (fields === undefined) return undefined;
  return { collection, id, value: { fields }, revision: 1, createRevision: 1, createTime: 1, updateTime: 1 };
}

/** Each as a store would parse it: every document has objects and texts of its own. */
const SHAPES: readonly ((n: number) => JsonObject | undefined)[] = [
  (n) => JSON.parse(`{"n":${n + 0.5}}`) as JsonObject,
  (n) =>
    JSON.parse(`{"customer":"c-${n}","paid":false,"lines":[{"sku":"a-${n}"},{"sku":"b","count":1}]}`) as JsonObject,
  (n) => JSON.parse(`{"text":"${`${n} `.repeat(40)}","other":"${'ö€'.repeat(20)}${n}"}`) as JsonObject,
  (n) => JSON.parse(`{"k${n}":[[],{},null]}`) as JsonObject,
  () => undefined,
];
