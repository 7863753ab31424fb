import { expect } from 'chai';
import { DocumentServiceDefinition } from '../../gen/keelson/documents/v1/document_service.js';
import type { SharedTier } from '../../src/cache/shared-tier.js';
import { createLedger } from '../../src/ledger/ledger.js';
import { CACHE_KEYS_COLLECTION, createCachedLedger, type CachedLedger } from '../../src/repositories/cached-ledger.js';
import { createDocuments, DOCUMENTS, type Documents } from '../../src/repositories/documents.js';
import { COLLECTIONS } from '../../src/repositories/documents/collections.js';
import { createResources, declareResources } from '../../src/repositories/resource.js';
import { DEFAULT_LIMITS } from '../../src/rpc/limits.js';
import type { Method } from '../../src/rpc/method-table.js';
import { createResponseEncoder } from '../../src/rpc/response-encoder.js';
import { createGetDocument } from '../../src/services/documents/get-document.js';
import { startCallFixture, type CallFixture } from '../support/call-fixture.js';
import { createEmbeddedEngine } from '../support/embedded-engine.js';
import type { Engine } from '../support/engine.js';
import { rejection } from '../support/rejection.js';
import { SILENT_LOGGER } from '../support/silent-logger.js';

const PARENT = 'collections/notes';
const NAME = `${PARENT}/documents/a`;

describe('a cached resource', () => {
  let engine: Engine;
  let cached: CachedLedger;
  let documents: Documents;
  let fixture: CallFixture;
  /** Keys that the shared tier was asked for or offered. */
  let sharedKeys: string[];

  beforeEach(async () => {
    sharedKeys = [];
    engine = await createEmbeddedEngine();
    const ledger = await createLedger({ store: await engine.open(), logger: SILENT_LOGGER });
    await ledger.declareCollections([CACHE_KEYS_COLLECTION]);
    await declareResources(ledger, [COLLECTIONS, DOCUMENTS]);
    const sharedTier: SharedTier = {
      get: async (key) => void sharedKeys.push(key),
      offer: (key) => void sharedKeys.push(key),
      isAvailable: () => true,
      isCircuitOpen: () => false,
    };
    cached = await createCachedLedger({ ledger, sharedTier });
    documents = createDocuments(cached);
    await documents.create({ parent: PARENT, id: 'a', content: { fields: { list: [1, { deep: 'x' }] } } });
    fixture = await startCallFixture();
  });

  afterEach(async () => {
    await fixture.close();
    await cached.close();
    await engine.destroy();
  });

  it('is decoded once and encoded once for all who ask for it', async () => {
    let encodings = 0;
    const { responseType } = DocumentServiceDefinition.methods.getDocument;
    const encodeCounted: typeof responseType.encode = (message) => {
      encodings += 1;
      return responseType.encode(message);
    };
    const table = fixture.server.table.methods.get('/keelson.documents.v1.DocumentService/GetDocument');
    if (table === undefined) throw new Error('GetDocument is not in the table');
    const method = { ...table, responseCodec: { ...responseType, encode: encodeCounted } } as Method;
    const encode = createResponseEncoder(DEFAULT_LIMITS);
    const getDocument = createGetDocument({ documents });
    const answer = () => withContext(fixture, async (ctx) => encode(method, await getDocument(ctx, { name: NAME })));

    const first = await answer();
    expect(await answer()).to.equal(first);
    expect(encodings).to.equal(1);
    expect(await documents.get(NAME)).to.equal(await documents.get(NAME));

    await documents.update({ name: NAME, content: { fields: { n: 2 } }, mask: undefined, etag: '' });

    const changed = responseType.decode(await answer());
    expect(changed.fields).to.deep.equal({ n: 2 });
    expect(encodings).to.equal(2);
  });

  it('cannot be corrupted by who got it', async () => {
    const { fields } = await documents.get(NAME);
    const list = fields['list'] as unknown[];

    expect(() => list.push(2)).to.throw(TypeError);
    expect(() => Object.assign(list[1] as object, { deep: 'y' })).to.throw(TypeError);
    expect(() => Object.assign(fields, { more: 1 })).to.throw(TypeError);

    expect((await documents.get(NAME)).fields).to.deep.equal({ list: [1, { deep: 'x' }] });
  });

  it('fails a handler that changes it, and nobody else', async () => {
    const getDocument = createGetDocument({ documents });
    fixture.handlers.getDocument = async (ctx, request) =>
      Object.assign(await getDocument(ctx, request), { etag: 'z' });
    await documents.get(NAME);
    expect(await rejection(fixture.documents.getDocument({ name: NAME }))).to.include({ codeName: 'INTERNAL' });

    fixture.handlers.getDocument = getDocument;
    const { etag } = await fixture.documents.getDocument({ name: NAME });
    expect(etag).to.equal((await documents.get(NAME)).etag);
  });

  it('is in no tier if its definition says that it may not be cached', async () => {
    const uncached = createResources({ ledger: cached }, { ...DOCUMENTS, cacheable: false });
    const bytes = cached.cache.nearBytes();
    sharedKeys.length = 0;

    for (let round = 0; round < 2; round += 1) {
      expect((await uncached.get(NAME)).fields).to.deep.equal({ list: [1, { deep: 'x' }] });
      expect(await uncached.find(`${PARENT}/documents/missing`)).to.equal(undefined);
    }

    expect(cached.cache.nearBytes()).to.equal(bytes);
    expect(cached.cache.metrics.nearHits).to.equal(0);
    expect(sharedKeys).to.deep.equal([]);
    await documents.get(NAME);
    // What a collection says of its documents is read beside each of them.
    const settingsKey = `document_collections/${PARENT}`;
    expect(sharedKeys.filter((key) => key !== settingsKey)).to.deep.equal([`documents/${NAME}`, `documents/${NAME}`]);
  });
});

/** Runs something in a call, with the context of that call. */
async function withContext<T>(
  { handlers, documents }: CallFixture,
  work: (ctx: Parameters<CallFixture['handlers']['getDocument']>[0]) => Promise<T>,
): Promise<T> {
  let result: { readonly value: T } | undefined;
  handlers.getDocument = async (ctx, { name }) => {
    result = { value: await work(ctx) };
    return {
      name,
      fields: undefined,
      etag: '',
      revision: 0n,
      createTime: undefined,
      updateTime: undefined,
      expireTime: undefined,
    };
  };
  await documents.getDocument({ name: NAME });
  if (result === undefined) throw new Error('The handler was not called');
  return result.value;
}
