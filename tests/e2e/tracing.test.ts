import { execFileSync } from 'node:child_process';
import { expect } from 'chai';
import { CallError } from '../../src/rpc/client/call-error.js';
import { createClient } from '../../src/rpc/client/create-client.js';
import { ServiceError } from '../../src/rpc/errors.js';
import { startTracing } from '../../src/telemetry/tracing.js';
import { startTestApp } from '../support/app.js';
import { EchoServiceDefinition } from '../support/echo-contract.js';
import { startEchoServer, words } from '../support/echo-server.js';
import { startOtlpReceiver, type OtlpReceiver, type ReceivedSpan } from '../support/otlp-receiver.js';
import { startRedisServer } from '../support/redis-server.js';
import { rejection } from '../support/rejection.js';
import { requireTool } from '../support/require-tool.js';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const REMOTE_SPAN = 'b7ad6b7169203331';
const DOCUMENTS = '/v1/collections/notes/documents';

describe('the traces of a server', function () {
  this.timeout(30_000);
  const closers: (() => unknown)[] = [];
  let receiver: OtlpReceiver;

  beforeEach(async () => {
    receiver = await startOtlpReceiver();
    closers.push(() => receiver.close());
  });

  afterEach(async () => {
    for (const close of closers.splice(0).toReversed()) await close();
  });

  /** Makes a change and a read over HTTP, with that flag in the trace; gives the spans once the server has ended. */
  async function spansOf(flags: string, settings: Readonly<Record<string, string>>): Promise<readonly ReceivedSpan[]> {
    const app = await startTestApp(settings);
    try {
      const headers = {
        authorization: `Bearer ${app.token}`,
        'content-type': 'application/json',
        traceparent: `00-${TRACE_ID}-${REMOTE_SPAN}-${flags}`,
        tracestate: 'vendor=1',
      };
      const write = { method: 'POST', headers, body: '{"fields": {"text": "secret words"}}' };
      expect((await fetch(`${app.http}${DOCUMENTS}?documentId=first`, write)).status).to.equal(200);
      expect((await fetch(`${app.http}${DOCUMENTS}/first`, { headers })).status).to.equal(200);
    } finally {
      await app.close();
    }
    return receiver.spans;
  }

  const ofTrace = (spans: readonly ReceivedSpan[]) => spans.filter(({ traceId }) => traceId === TRACE_ID);

  function named(spans: readonly ReceivedSpan[], name: string): ReceivedSpan {
    const found = spans.find((span) => span.name === name);
    if (found === undefined) throw new Error(`No span ${name} among ${spans.map((span) => span.name).join(', ')}`);
    return found;
  }

  for (const setting of ['KEELSON_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT']) {
    it(`go to ${setting}: the call below its caller, the ledger below the call, the store below the ledger`, async () => {
      const spans = ofTrace(await spansOf('01', { [setting]: receiver.endpoint }));

      const call = named(spans, 'keelson.documents.v1.DocumentService/CreateDocument');
      expect(call).to.deep.include({ parentSpanId: REMOTE_SPAN, kind: 2, status: 0, traceState: 'vendor=1' });
      expect(call.attributes).to.include({
        'rpc.system': 'grpc',
        'rpc.service': 'keelson.documents.v1.DocumentService',
        'rpc.method': 'CreateDocument',
        'rpc.grpc.status_code': '0',
        'keelson.protocol': 'http',
      });
      const change = named(spans, 'ledger transact');
      expect(change.parentSpanId).to.equal(call.spanId);
      expect(named(spans, 'store append').parentSpanId).to.equal(change.spanId);
      const read = named(spans, 'keelson.documents.v1.DocumentService/GetDocument');
      expect(spans.filter(({ parentSpanId }) => parentSpanId === read.spanId).map(({ name }) => name)).to.include(
        'ledger get',
      );
      expect(JSON.stringify(spans)).not.to.include('secret words');
      expect(receiver.headers[0]?.['content-type']).to.equal('application/x-protobuf');
    });
  }

  it('are not recorded where the caller’s are not', async () => {
    expect(ofTrace(await spansOf('00', { KEELSON_OTLP_ENDPOINT: receiver.endpoint }))).to.deep.equal([]);
  });

  it('do not hold a server up where nobody takes them', async () => {
    await receiver.close();

    await spansOf('01', { KEELSON_OTLP_ENDPOINT: receiver.endpoint });
  });

  context('that works with Redis', () => {
    before(requireTool('redis'));

    it('show what is asked of it', async () => {
      const redis = await startRedisServer();
      closers.push(() => redis.stop());
      const spans = ofTrace(
        await spansOf('01', { KEELSON_OTLP_ENDPOINT: receiver.endpoint, KEELSON_REDIS_URL: redis.url }),
      );
      const asked = named(spans, 'cache get');
      expect(spans.find(({ spanId }) => spanId === asked.parentSpanId)?.name).to.match(/^ledger /);
    });
  });

  it('go on through calls that are made for a call, also where those fail', async () => {
    const tracing = await startTracing({ endpoint: receiver.endpoint, ratio: 1, version: '0', instance: 'i' });
    const callee = await startEchoServer({}, { tracing });
    const caller = await startEchoServer({}, { tracing });
    const inner = createClient(EchoServiceDefinition, { address: callee.address });
    closers.push(
      () => caller.close(),
      () => callee.close(),
      () => inner.close(),
    );
    callee.handlers.say = async (_ctx, { text }) => {
      if (text === 'fail') throw new ServiceError('RESOURCE_NOT_FOUND', 'no');
      return words(text);
    };
    caller.handlers.say = async (context, { text }) => inner.say({ text }, { context });

    await caller.client.say({ text: 'go' });
    await rejection(caller.client.say({ text: 'fail' }), CallError);
    await tracing.close();

    for (const [index, status] of [
      [0, 0],
      [1, 2],
    ] as const) {
      const roots = receiver.spans.filter(({ parentSpanId, kind }) => parentSpanId === '' && kind === 2);
      const root = roots[index];
      const outgoing = receiver.spans.find(({ parentSpanId }) => parentSpanId === root?.spanId);
      expect(outgoing).to.deep.include({ name: 'echo.v1.EchoService/Say', kind: 3, status, traceId: root?.traceId });
      const served = receiver.spans.find(({ parentSpanId }) => parentSpanId === outgoing?.spanId);
      expect(served).to.deep.include({ name: 'echo.v1.EchoService/Say', kind: 2, traceId: root?.traceId });
    }
  });

  it('cost nothing where there is no endpoint: nothing of them is even loaded', () => {
    const count = (extra: string) =>
      execFileSync(process.execPath, [
        '-e',
        `import('./dist/src/app.js')${extra}.then(() => {
           const loaded = Object.keys(require('node:module')._cache);
           console.log(loaded.filter((file) => /opentelemetry.(sdk|exporter)-trace/.test(file)).length);
         })`,
      ])
        .toString()
        .trim();
    expect(count('')).to.equal('0');
    const start = `.then(() => import('./dist/src/telemetry/tracing.js'))
      .then(({ startTracing }) => startTracing({ endpoint: 'http://127.0.0.1:1', ratio: 0, version: '', instance: '' }))`;
    expect(Number(count(start))).to.be.greaterThan(0);
  });
});
