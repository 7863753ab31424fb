import { expect } from 'chai';
import { DocumentServiceDefinition, type Document } from '../../gen/keelson/documents/v1/document_service.js';
import { HealthDefinition } from '../../gen/health/v1/health.js';
import { createConsistencySession } from '../../src/rpc/client/consistency-session.js';
import { clientFor, createClient, type ServiceClient } from '../../src/rpc/client/create-client.js';
import { createInProcessTransport } from '../../src/rpc/client/in-process-transport.js';
import { decodeToken, encodeToken } from '../../src/rpc/consistency-token.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { startCallFixture, type CallFixture } from '../support/call-fixture.js';
import { describeMongo } from '../support/describe-mongo.js';
import { createMongoEngine } from '../support/mongo-engine.js';
import { onEachTransport } from '../support/on-each-transport.js';
import { rejection } from '../support/rejection.js';
import { startReplica, type Replica } from '../support/replica.js';
import { GOOD_TOKEN } from '../support/rpc-server.js';

const TEST_MS_MAX = 20_000;
const OTHER_DATABASE = '4c2f9d9e-55a8-4a52-9b8e-3d1c6f0d7a12';
const PARENT = 'collections/notes';
const NAME = `${PARENT}/documents/a`;

describeMongo('the consistency of calls to two processes on one database', (server) => {
  onEachTransport(() => {
    let engine: ReturnType<typeof createMongoEngine>;
    let here: Replica;
    let there: Replica;
    let writer: ServiceClient<typeof DocumentServiceDefinition>;

    beforeEach(async function () {
      this.timeout(TEST_MS_MAX);
      engine = createMongoEngine(server());
      here = await startReplica(engine);
      there = await startReplica(engine);
      writer = here.connect();
      await writer.createDocument({ parent: PARENT, documentId: 'a', document: { fields: { n: 0 } } });
      // Both know this state from now on, and have it in their caches.
      for (const replica of [here, there]) expect(await read(replica.connect())).to.equal(0);
    });

    afterEach(async function () {
      this.timeout(TEST_MS_MAX);
      await Promise.all([here.close(), there.close()]);
      await engine.destroy();
    });

    const write = (n: number) => writer.updateDocument({ document: { name: NAME, fields: { n } } });

    it('shows every change that was answered, unless asked for less', async () => {
      const reader = there.connect();
      await write(1);

      expect(await read(reader, 'any')).to.equal(0);
      expect(await read(reader)).to.equal(1);
    });

    it('shows what the token of a change stands for, on a process that had not heard of it', async () => {
      const session = createConsistencySession();
      const reader = there.connect(session);
      await read(reader, 'any');
      const written = here.connect(session);
      const before = session.token;
      await write(1);
      expect(session.token).to.equal(before);
      expect(await read(reader, 'at-least')).to.equal(0);

      await written.updateDocument({ document: { name: NAME, fields: { n: 2 } } });

      expect(await read(reader, 'any')).to.equal(0);
      expect(await read(reader, 'at-least')).to.equal(2);
    });

    it('shows in lists what the token stands for', async () => {
      const session = createConsistencySession();
      await here.connect(session).updateDocument({ document: { name: NAME, fields: { n: 3 } } });

      const { documents } = await there.connect(session).listDocuments({ parent: PARENT }, { consistency: 'at-least' });

      expect(documents.map(({ fields }) => fields)).to.deep.equal([{ n: 3 }]);
    });

    it('gives a change the token of its revision, and a refusal that of the state that it was refused for', async () => {
      const session = createConsistencySession();
      const client = here.connect(session);

      const { revision } = await client.updateDocument({ document: { name: NAME, fields: { n: 4 } } });
      expect(decodeToken(session.token ?? '')).to.deep.equal({
        databaseId: here.databaseId,
        revision: Number(revision),
      });

      await write(5);
      await rejection(client.getDocument({ name: `${PARENT}/documents/missing` }));
      expect(decodeToken(session.token ?? '')?.revision).to.equal(Number(revision) + 1);

      const { revision: created } = await write(6);
      await rejection(client.createDocument({ parent: PARENT, documentId: 'a', document: {} }));
      expect(decodeToken(session.token ?? '')?.revision).to.equal(Number(created));
    });

    it('refuses at once a token that the database has not come to', async () => {
      const token = encodeToken({ databaseId: there.databaseId, revision: 1_000_000 });
      const metadata = { 'x-consistency-token': token };

      const refusal = await rejection(
        there.connect().getDocument({ name: NAME }, { metadata, consistency: 'at-least' }),
      );

      expect(refusal).to.include({ codeName: 'OUT_OF_RANGE', reason: 'REVISION_AHEAD' });
      expect(await read(there.connect(), 'linearizable', metadata)).to.equal(0);
    });

    it('refuses a token of another database to who insists on it', async () => {
      const metadata = { 'x-consistency-token': encodeToken({ databaseId: OTHER_DATABASE, revision: 1 }) };

      const refusal = await rejection(
        there.connect().getDocument({ name: NAME }, { metadata, consistency: 'at-least' }),
      );

      expect(refusal).to.include({ codeName: 'INVALID_ARGUMENT', reason: 'CONSISTENCY_INVALID' });
      expect(await read(there.connect(), 'linearizable', metadata)).to.equal(0);
    });

    describe('through a service between', () => {
      let between: CallFixture;
      let inner: ServiceClient<typeof DocumentServiceDefinition>;

      beforeEach(async () => {
        between = await startCallFixture({ databaseId: here.databaseId });
        inner = there.connect();
        await read(inner);
        between.handlers.getDocument = (ctx, request) =>
          clientFor(inner, ctx).getDocument(request, { consistency: 'at-least' });
      });

      afterEach(() => between.close());

      it('shows the caller what it wrote elsewhere', async () => {
        const session = createConsistencySession();
        const outer = createClient(DocumentServiceDefinition, {
          address: between.server.address,
          token: GOOD_TOKEN,
          session,
        });
        try {
          await write(1);
          expect(await read(outer)).to.equal(0);

          await here.connect(session).updateDocument({ document: { name: NAME, fields: { n: 2 } } });

          expect(await read(outer)).to.equal(2);
        } finally {
          outer.close();
        }
      });

      it('gives the caller the token of a change that was made for its call', async () => {
        const session = createConsistencySession();
        const reader = there.connect(session);
        await read(reader);
        between.handlers.updateDocument = (ctx, request) => clientFor(writer, ctx).updateDocument(request);
        const outer = createClient(DocumentServiceDefinition, {
          address: between.server.address,
          token: GOOD_TOKEN,
          session,
        });
        try {
          await outer.updateDocument({ document: { name: NAME, fields: { n: 7 } } });
        } finally {
          outer.close();
        }

        expect(await read(reader, 'at-least')).to.equal(7);
      });
    });
  });
});

describe('consistency tokens', () => {
  let app: TestApp;
  let created: Document;

  before(async function () {
    this.timeout(TEST_MS_MAX);
    app = await startTestApp();
    const documents = createClient(DocumentServiceDefinition, app);
    created = await documents.createDocument({ parent: PARENT, documentId: 'a', document: { fields: { n: 0 } } });
    documents.close();
  });

  after(async function () {
    this.timeout(TEST_MS_MAX);
    await app.close();
  });

  const call = (path: string, { headers = {}, ...init }: Request = {}) =>
    fetch(`${app.http}${path}`, { ...init, headers: { authorization: `Bearer ${app.token}`, ...headers } });
  const rpc = (headers: Record<string, string>) =>
    call('/keelson.documents.v1.DocumentService/GetDocument', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ name: NAME }),
    });

  it('travel as a header of the same name over HTTP and over Connect', async () => {
    for (const response of [await call(`/v1/${NAME}`), await rpc({})]) {
      expect(response.status).to.equal(200);
      const token = decodeToken(response.headers.get('x-consistency-token') ?? '');
      expect(token?.revision).to.be.at.least(Number(created.revision));
    }
  });

  it('are refused over HTTP and over Connect where they are none', async () => {
    for (const response of [
      await call(`/v1/${NAME}`, { headers: { 'x-consistency-token': 'x' } }),
      await call(`/v1/${NAME}`, { headers: { 'x-consistency': 'sometimes' } }),
      await rpc({ 'x-consistency-token': 'x' }),
    ]) {
      expect(response.status).to.equal(400);
      expect(await response.text()).to.include('Metadata \\"x-consistency');
    }
  });

  it('may be asked for and read by pages of other origins', async () => {
    const open = await startTestApp({ KEELSON_CORS_ORIGINS: '*' });
    try {
      const response = await fetch(`${open.http}/v1/${NAME}`, {
        method: 'OPTIONS',
        headers: { origin: 'https://app.example.com', 'access-control-request-method': 'GET' },
      });

      expect(response.headers.get('access-control-allow-headers')).to.include('x-consistency, x-consistency-token');
    } finally {
      await open.close();
    }
  }).timeout(TEST_MS_MAX);

  it('come with the first answer of a stream, and with calls inside one process', async () => {
    const databaseId = OTHER_DATABASE;
    const fixture = await startCallFixture({ databaseId });
    fixture.healthHandlers.watch = async function* (ctx) {
      ctx.consistency.saw(5);
      yield { status: 1 };
      ctx.consistency.saw(6);
    };
    try {
      const { table, dispatcher } = fixture.server;
      const { watched, session } = await watchOnce(fixture);
      expect(watched).to.equal(1);
      expect(session.token).to.equal(encodeToken({ databaseId, revision: 5 }));

      fixture.handlers.getDocument = async (ctx) => {
        ctx.consistency.saw(8);
        return created;
      };
      const local = createConsistencySession();
      const transport = createInProcessTransport({ table, dispatcher });
      const inProcess = createClient(DocumentServiceDefinition, { transport, token: GOOD_TOKEN, session: local });
      await inProcess.getDocument({ name: NAME });
      transport.close();
      expect(local.token).to.equal(encodeToken({ databaseId, revision: 8 }));
    } finally {
      await fixture.close();
    }
  });
});

interface Request extends Omit<RequestInit, 'headers'> {
  readonly headers?: Readonly<Record<string, string>>;
}

async function watchOnce({ server: { address } }: CallFixture) {
  const session = createConsistencySession();
  const health = createClient(HealthDefinition, { address, session });
  try {
    for await (const { status } of health.watch({})) return { watched: status, session };
    throw new Error('The stream ended without an answer');
  } finally {
    health.close();
  }
}

async function read(
  documents: ServiceClient<typeof DocumentServiceDefinition>,
  consistency?: 'linearizable' | 'at-least' | 'any',
  metadata: Record<string, string> = {},
): Promise<unknown> {
  const options = { metadata, ...(consistency && { consistency }) };
  const { fields } = await documents.getDocument({ name: NAME }, options);
  return fields?.['n'];
}
