import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { createDocumentServiceOn, DOCUMENT_RESOURCES } from '../../src/document-services.js';
import { DESCRIPTOR_IMAGE } from '../../src/package-files.js';
import type { Store } from '../../src/store/store.js';
import { createCachedLedgers, type CachedLedgers } from '../support/cached-ledgers.js';
import { createEmbeddedEngine } from '../support/embedded-engine.js';
import { onEachGateway, startGatewayOf, type StartedGateway } from '../support/on-each-gateway.js';
import { GOOD_TOKEN, startRpcServerWith, type RpcServer } from '../support/rpc-server.js';

const PATH = '/v1/collections/notes/documents';
const HEADERS = { authorization: `Bearer ${GOOD_TOKEN}`, 'content-type': 'application/json' };

describe('GET with If-None-Match, of a document that the cache holds', () => {
  onEachGateway((kind) => {
    let engine: Awaited<ReturnType<typeof createEmbeddedEngine>>;
    let ledgers: CachedLedgers;
    let server: RpcServer;
    let gateway: StartedGateway;
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
      server = await startRpcServerWith({ services: [createDocumentServiceOn(ledger)] });
      gateway = await startGatewayOf(kind, { ...server, image: readFileSync(DESCRIPTOR_IMAGE) });
    });
    after(async () => {
      await gateway?.close();
      await server?.close();
      await ledgers?.close();
      await engine?.destroy();
    });

    async function put(method: string, path: string, text: string): Promise<void> {
      const init = { method, headers: HEADERS, body: JSON.stringify({ fields: { text } }) };
      expect((await fetch(`${gateway.base}${path}`, init)).status).to.equal(200);
    }

    async function get(etag?: string): Promise<{ status: number; etag: string; reads: number }> {
      const before = reads;
      const known = etag === undefined ? {} : { 'if-none-match': etag };
      const response = await fetch(`${gateway.base}${PATH}/first`, { headers: { ...HEADERS, ...known } });
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
});
