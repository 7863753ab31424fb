import { expect } from 'chai';
import { createWorkLog } from '../../src/telemetry/work.js';
import { CallError } from '../../src/rpc/client/call-error.js';
import { ServiceError } from '../../src/rpc/errors.js';
import { toFrame } from '../../src/rpc/grpc/frames.js';
import { createAdminServer, type AdminServer } from '../../src/telemetry/admin-server.js';
import { createMetrics, type Metrics } from '../../src/telemetry/metrics.js';
import { collect, startEchoServer, type EchoServer } from '../support/echo-server.js';
import { callRaw } from '../support/raw-call.js';
import { rejection } from '../support/rejection.js';

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

describe('what shows how calls do', () => {
  let server: EchoServer;
  let admin: AdminServer;
  let metrics: Metrics;
  let url = '';
  let ready = true;

  beforeEach(async () => {
    metrics = createMetrics();
    server = await startEchoServer({}, { metrics, eventLoop: { lagMs: () => 12 } });
    admin = createAdminServer({ metrics, isReady: () => ready });
    url = `http://127.0.0.1:${await admin.listen({ host: '127.0.0.1', port: 0 })}`;
  });

  afterEach(async () => {
    await admin.close();
    await server.close();
  });

  it('counts each call once, by method and code', async () => {
    await server.client.say({});
    await collect(server.client.repeat({ count: 3 }));
    server.handlers.say = async () => {
      throw new ServiceError('CONTENTION', 'no');
    };
    await rejection(server.client.say({}), CallError);

    const text = await (await fetch(`${url}/metrics`)).text();

    const count = (method: string, code: string) =>
      `keelson_calls_total{service="echo.v1.EchoService",method="${method}",protocol="grpc",code="${code}"} 1`;
    expect(text).to.include(count('Say', 'OK'));
    expect(text).to.include(count('Repeat', 'OK'));
    expect(text).to.include(count('Say', 'ABORTED'));
    expect(text).to.include(
      'keelson_call_duration_seconds_count{service="echo.v1.EchoService",method="Say",protocol="grpc"} 2',
    );
  });

  it('answers whether the process runs, and whether it can work', async () => {
    ready = true;
    expect((await fetch(`${url}/readyz`)).status).to.equal(200);
    ready = false;
    expect((await fetch(`${url}/readyz`)).status).to.equal(503);
    expect((await fetch(`${url}/healthz`)).status).to.equal(200);
    expect((await fetch(`${url}/elsewhere`)).status).to.equal(404);
    expect((await fetch(`${url}/metrics`, { method: 'POST' })).status).to.equal(405);
  });

  it('says where the time of a call went that was too late', async () => {
    server.handlers.say = () => new Promise(() => undefined);

    const headers = { 'grpc-timeout': '60m' };
    const told = await callRaw(server.address, '/echo.v1.EchoService/Say', { headers, body: toFrame(Buffer.alloc(0)) });
    const err = await rejection(server.client.say({}, { timeoutMs: 60 }), CallError);

    const where = /identity \d+ ms, request \d+ ms, handler \d+ ms; the process was late by up to 12 ms$/;
    expect(told.grpcMessage).to.match(where);
    expect(err.codeName).to.equal('DEADLINE_EXCEEDED');
    await waitUntil(() => server.logLines.length === 2);
    for (const { code, error } of server.logLines) {
      expect(code).to.equal('DEADLINE_EXCEEDED');
      expect(error).to.match(where);
    }
  });

  it('says how much of that time the store took', async () => {
    const work = createWorkLog();
    const slow = await startEchoServer({}, { work });
    try {
      slow.handlers.say = async ({ signal }) => {
        await work.run({ kind: 'ledger', name: 'get', signal }, async () => undefined);
        return work.run({ kind: 'ledger', name: 'get', signal }, () => new Promise(() => undefined));
      };

      const headers = { 'grpc-timeout': '60m' };
      const body = toFrame(Buffer.alloc(0));
      const { grpcMessage } = await callRaw(slow.address, '/echo.v1.EchoService/Say', { headers, body });

      const [, handlerMs, storeMs] = /handler (\d+) ms, of these store (\d+) ms/.exec(grpcMessage) ?? [];
      expect(Number(storeMs))
        .to.be.within(Number(handlerMs) - 20, Number(handlerMs))
        .and.to.be.greaterThan(20);
    } finally {
      await slow.close();
    }
  });

  for (const [what, traceparent, traceId] of [
    ['continues a trace', TRACEPARENT, /^0af7651916cd43dd8448eb211c80319c$/],
    ['begins a trace where there is none', '', /^[0-9a-f]{32}$/],
    ['begins a trace where what came is none', `ff${TRACEPARENT.slice(2)}`, /^(?!0af7)[0-9a-f]{32}$/],
    ['begins a trace where the id is all zeros', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`, /^(?!0{32})[0-9a-f]{32}$/],
  ] as const) {
    it(`${what}, and has it in the log`, async () => {
      await server.client.say({}, { metadata: { traceparent } });

      expect(server.logLines[0]?.['traceId']).to.match(traceId);
    });
  }
});

async function waitUntil(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve));
}
