import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { DocumentServiceDefinition } from '../../gen/keelson/documents/v1/document_service.js';
import { CallError } from '../../src/rpc/client/call-error.js';
import { createClient, type CallOptions, type ServiceClient } from '../../src/rpc/client/create-client.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { describeMongo } from '../support/describe-mongo.js';
import { collect } from '../support/echo-server.js';
import { startMongoProxy, type MongoProxy } from '../support/mongo-proxy.js';
import { startMortalRedis, type MortalRedis } from '../support/mortal-redis.js';
import { rejection } from '../support/rejection.js';
import { requireTool } from '../support/require-tool.js';

const PARENT = 'collections/parcels';
const NAME = `${PARENT}/documents/p-1`;
/** The promise is a second. A command that nobody ends waits ten, until its answer is given up. */
const END_MS_MAX = 5000;
const LOOK_MS = 10;
/** How long a caller waits who does not cancel: long enough to join another's read on a machine that is busy. */
const STAY_MS = 3000;

type Documents = ServiceClient<typeof DocumentServiceDefinition>;

/** Calls that ask the database something of their own. What many calls ask together ends with the last of them, or its time. */
const CALLS: Readonly<Record<string, (documents: Documents, options: CallOptions) => Promise<unknown>>> = {
  ListDocuments: (documents, options) => documents.listDocuments({ parent: PARENT }, options),
  'ListDocuments with a filter': (documents, options) =>
    documents.listDocuments({ parent: PARENT, filter: 'fields.state = "sealed"' }, options),
  QueryDocuments: (documents, options) => collect(documents.queryDocuments({ parent: PARENT }, options)),
  ExportDocuments: (documents, options) => collect(documents.exportDocuments({ parent: PARENT }, options)),
};

describeMongo('a call that is cancelled while what it needs stalls', (server) => {
  let redis: MortalRedis;
  let proxy: MongoProxy;
  let app: TestApp;
  let documents: Documents;

  before(requireTool('redis'));

  beforeEach(async function () {
    this.timeout(60_000);
    redis = await startMortalRedis();
    proxy = await startMongoProxy(server().urlOf(`keelson_cancelled_${randomUUID().slice(0, 8)}`));
    app = await startTestApp({
      KEELSON_STORE_URL: proxy.url,
      KEELSON_REDIS_URL: redis.url,
      KEELSON_ADMIN_LISTEN: '127.0.0.1:0',
    });
    documents = createClient(DocumentServiceDefinition, { ...app, attemptsMax: 1 });
    await documents.createDocument({ parent: PARENT, documentId: 'p-1', document: { fields: { state: 'sealed' } } });
  });

  afterEach(async function () {
    this.timeout(60_000);
    documents?.close();
    proxy?.decide(() => 'pass');
    await app?.close();
    await proxy?.close();
    await redis?.end();
  });

  /** The log and the settings of collections go on: those reads are of all calls that wait for them together. */
  const stallDocuments = () =>
    proxy.decide((command, collection) => (command === 'find' && collection === 'documents' ? 'stall' : 'pass'));

  async function until(condition: () => boolean | Promise<boolean>): Promise<number> {
    const beganMs = performance.now();
    while (!(await condition())) await delay(LOOK_MS);
    return performance.now() - beganMs;
  }

  /** How many reads have joined another that was under way. */
  async function joined(): Promise<number> {
    const text = await (await fetch(`${app.admin}/metrics`)).text();
    return Number(/^keelson_cache_hits_total\{tier="joined"\} (\d+)/m.exec(text)?.[1]);
  }

  for (const [name, call] of Object.entries(CALLS)) {
    it(`leaves no command of ${name} in the database`, async () => {
      await call(documents, {});
      stallDocuments();
      const cancelling = new AbortController();
      const calling = rejection(call(documents, { signal: cancelling.signal }), CallError);
      await until(() => proxy.stalled() > 0);

      cancelling.abort();
      const err = await calling;
      const tookMs = await until(() => proxy.stalled() === 0);

      expect(err.codeName).to.equal('CANCELLED');
      expect(tookMs).to.be.lessThan(END_MS_MAX);
    }).timeout(30_000);

    it(`leaves no command of ${name} in the database when its deadline passes`, async () => {
      // Whatever is read once only is read now, so that the time of the next call runs out at the database.
      await call(documents, {});
      stallDocuments();
      const calling = rejection(call(documents, { timeoutMs: 1500 }), CallError);
      await until(() => proxy.stalled() > 0);

      const err = await calling;
      const tookMs = await until(() => proxy.stalled() === 0);

      expect(err.codeName).to.equal('DEADLINE_EXCEEDED');
      expect(tookMs).to.be.lessThan(END_MS_MAX);
    }).timeout(30_000);
  }

  it('leaves no command of the read that it shares with others once the last of them has ended, and harms none before', async () => {
    stallDocuments();
    const cancelling = new AbortController();
    const calling = rejection(documents.getDocument({ name: NAME }, { signal: cancelling.signal }), CallError);
    await until(() => proxy.stalled() > 0);
    const joinedBefore = await joined();
    const staying = rejection(documents.getDocument({ name: NAME }, { timeoutMs: STAY_MS }), CallError);
    await until(async () => (await joined()) > joinedBefore);

    cancelling.abort();
    const ends = [await calling, await staying].map(({ codeName }) => codeName);
    const tookMs = await until(() => proxy.stalled() === 0);

    expect(ends).to.deep.equal(['CANCELLED', 'DEADLINE_EXCEEDED']);
    expect(tookMs).to.be.lessThan(END_MS_MAX);
  }).timeout(30_000);

  it('leaves no command in Redis, which is waited for no longer than its budget', async () => {
    redis.freeze();
    const cancelling = new AbortController();
    const calling = documents.getDocument({ name: NAME }, { signal: cancelling.signal }).catch((err: unknown) => err);
    cancelling.abort();
    await calling;
    redis.thaw();

    // The server goes on, with a Redis that has no answer left to give.
    expect((await documents.getDocument({ name: NAME })).name).to.equal(NAME);
  }).timeout(30_000);
});
