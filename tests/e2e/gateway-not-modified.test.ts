import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { pino } from 'pino';
import { createDocumentServiceOn, DOCUMENT_RESOURCES } from '../../src/document-services.js';
import { createHttpGateway, type HttpGateway } from '../../src/gateway/http-server.js';
import { readDescriptorImage } from '../../src/rpc/descriptors.js';
import { DEFAULT_LIMITS } from '../../src/rpc/limits.js';
import { createMethodTable } from '../../src/rpc/method-table.js';
import { OpenCalls } from '../../src/rpc/open-calls.js';
import { createDispatcher } from '../../src/rpc/pipeline.js';
import type { Store } from '../../src/store/store.js';
import { createCachedLedgers, type CachedLedgers } from '../support/cached-ledgers.js';
import { createEmbeddedEngine } from '../support/embedded-engine.js';

const PATH = '/v1/collections/notes/documents';
const HEADERS = { authorization: 'Bearer t', 'content-type': 'application/json' };

describe('GET with If-None-Match, of a document that the cache holds', () => {
  let engine: Awaited<ReturnType<typeof createEmbeddedEngine>>;
  let ledgers: CachedLedgers;
  let gateway: HttpGateway;
  let url: string;
  /** The reads of documents that reached the database. */
  let reads = 0;

  const counting = (store: Store): Partial<Store> => ({
    getDocuments: (request) => {
      reads += 1;
      return store.getDocuments(request);
    },
    scanDocuments: (request) => {
      reads += 1;
      return store.scanDocuments(request);
    },
    queryDocuments: (request) => {
      reads += 1;
      return store.queryDocuments(request);
    },
  });

  before(async () => {
    engine = await createEmbeddedEngine();
    ledgers = createCachedLedgers(engine, ...DOCUMENT_RESOURCES.map(({ collection }) => collection));
    const ledger = await ledgers.open({ store: counting });
    const table = createMethodTable(readDescriptorImage(readFileSync('gen/descriptors.binpb')), [
      createDocumentServiceOn(ledger),
    ]);
    const log = pino({ level: 'silent' });
    const dispatcher = createDispatcher({
      table,
      authenticator: { authenticate: () => Promise.resolve({ name: 'serviceAccounts/tester', permissions: ['*'] }) },
      authorizer: { isAllowed: () => Promise.resolve(true) },
      clock: { now: () => Date.now() },
      log,
      openCalls: new OpenCalls(),
      limits: DEFAULT_LIMITS,
    });
    const serverInfo = { name: 'keelson', version: '0.0.0' };
    gateway = createHttpGateway({ table, dispatcher, log, isReady: () => true, serverInfo });
    const { port } = await gateway.listen({ host: '127.0.0.1', port: 0 });
    url = `http://127.0.0.1:${port}`;
  });
  after(async () => {
    await gateway?.close();
    await ledgers?.close();
    await engine?.destroy();
  });

  async function put(method: string, path: string, text: string): Promise<void> {
    const init = { method, headers: HEADERS, body: JSON.stringify({ fields: { text } }) };
    expect((await fetch(`${url}${path}`, init)).status).to.equal(200);
  }

  async function get(etag?: string): Promise<{ status: number; etag: string; reads: number }> {
    const before = reads;
    const known = etag === undefined ? {} : { 'if-none-match': etag };
    const response = await fetch(`${url}${PATH}/first`, { headers: { ...HEADERS, ...known } });
    await response.text();
    return { status: response.status, etag: response.headers.get('etag') ?? '', reads: reads - before };
  }

  it('is 304 without a read of the database, and 200 as soon as the document has changed', async () => {
    await put('POST', `${PATH}?documentId=first`, 'one');
    const first = await get();
    // The document, and the settings of its collection.
    expect(first).to.include({ status: 200, reads: 2 });
    expect(await get(first.etag)).to.deep.equal({ status: 304, etag: first.etag, reads: 0 });
    await put('PATCH', `${PATH}/first`, 'two');
    const changed = await get(first.etag);
    expect(changed.status).to.equal(200);
    expect(changed.etag).not.to.equal(first.etag);
    expect(await get(changed.etag)).to.include({ status: 304, reads: 0 });
  });
});
