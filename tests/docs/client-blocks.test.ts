import { expect } from 'chai';
import { DocumentServiceDefinition } from '../../gen/keelson/documents/v1/document_service.js';
import { CallError } from '../../src/rpc/client/call-error.js';
import { createConsistencySession } from '../../src/rpc/client/consistency-session.js';
import { createClient, type ServiceClient } from '../../src/rpc/client/create-client.js';
import { createGrpcTransport } from '../../src/rpc/client/grpc-transport.js';
import type { Interceptor } from '../../src/rpc/client/interceptors.js';
import type { Transport } from '../../src/rpc/client/transport.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { readDocBlocks, type DocBlock } from '../support/doc-blocks.js';
import { rejection } from '../support/rejection.js';
import { runDocBlock, type Given } from '../support/run-doc-block.js';

const HOOK_MS_MAX = 60_000;
const NAME = 'collections/orders/documents/o-17';

type Documents = ServiceClient<typeof DocumentServiceDefinition>;

describe('docs/clients.md: the TypeScript client', function () {
  this.timeout(HOOK_MS_MAX);
  let app: TestApp;
  let given: Given;

  before(async () => {
    app = await startTestApp();
    const { address, token } = app;
    const definition = { createClient, DocumentServiceDefinition, createConsistencySession };
    given = { ...definition, address, token, name: NAME };
    const documents = createClient(DocumentServiceDefinition, { address, token });
    await documents.createDocument({ parent: 'collections/orders', documentId: 'o-17', document: {} });
    documents.close();
  });
  after(() => app.close());

  function blockOf(words: string): DocBlock {
    const found = readDocBlocks('docs/clients.md').find(
      ({ language, code }) => language === 'ts' && code.includes(words),
    );
    if (found === undefined) throw new Error(`docs/clients.md has no block with "${words}"`);
    return { ...found, code: found.code.replace('dns:///keelson:50051', app.address) };
  }

  it('reads a document', async () => {
    const block = blockOf("from 'keelson/client'");
    expect(await runDocBlock(block, { token: app.token }, 'document')).to.have.property('name', NAME);
  });

  it('remembers in a session what it has seen', async () => {
    const made = (await runDocBlock(blockOf('session.token'), given, '({ documents, session })')) as {
      documents: Documents;
      session: ReturnType<typeof createConsistencySession>;
    };
    expect(made.session.token).not.to.equal(undefined);
    made.documents.close();
  });

  it('measures calls by an interceptor', async () => {
    const seen: object[] = [];
    const signed: Interceptor = (call, requests, next) => next(call, requests);
    const histogram = { observe: (labels: object) => void seen.push(labels) };
    const documents = (await runDocBlock(blockOf('timed'), { ...given, histogram, signed }, 'documents')) as Documents;

    await documents.getDocument({ name: NAME });

    expect(seen).to.deep.equal([{ path: '/keelson.documents.v1.DocumentService/GetDocument' }]);
    documents.close();
  });

  it('makes calls go wrong by rules', async () => {
    const transport = createGrpcTransport({ address: app.address, serviceConfig: '{}' });
    const [GET, CREATE] = ['GetDocument', 'CreateDocument'].map(
      (name) => `/keelson.documents.v1.DocumentService/${name}`,
    );
    const faulty = (await runDocBlock(
      blockOf('createFaultyTransport'),
      { transport, GET, CREATE },
      'faulty',
    )) as Transport;
    const documents = createClient(DocumentServiceDefinition, { transport: faulty, token: app.token });
    const [parent, documentId] = ['collections/orders', 'o-18'];

    const failed = await rejection(documents.getDocument({ name: NAME }), CallError);
    expect(failed).to.include({ codeName: 'UNAVAILABLE', reason: 'STORE_UNAVAILABLE', retryDelayMs: 5 });
    const cut = await rejection(documents.createDocument({ parent, documentId, document: {} }), CallError);
    expect(cut.codeName).to.equal('UNAVAILABLE');
    const again = await rejection(documents.createDocument({ parent, documentId, document: {} }), CallError);
    expect(again.reason, 'the change that nobody confirmed was made').to.equal('RESOURCE_EXISTS');
    transport.close();
  });
});
