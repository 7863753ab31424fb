import { expect } from 'chai';
import { CallError } from '../../src/rpc/client/call-error.js';
import { createClient, type ServiceClient } from '../../src/rpc/client/create-client.js';
import { createInProcessTransport } from '../../src/rpc/client/in-process-transport.js';
import type { Transport } from '../../src/rpc/client/transport.js';
import { ServiceError } from '../../src/rpc/errors.js';
import { deferred } from '../support/deferred.js';
import { EchoServiceDefinition } from '../support/echo-contract.js';
import { collect, startEchoServer, words, type EchoServer } from '../support/echo-server.js';
import { rejection } from '../support/rejection.js';

async function* texts(...all: string[]) {
  for (const text of all) yield { text };
}

describe('a call inside one process', () => {
  let server: EchoServer;
  let transport: Transport;
  let client: ServiceClient<typeof EchoServiceDefinition>;

  beforeEach(async () => {
    server = await startEchoServer();
    transport = createInProcessTransport(server);
    client = createClient(EchoServiceDefinition, { transport });
  });

  afterEach(async () => {
    transport.close();
    await server.close();
  });

  it('works for each kind of method as it does over the wire', async () => {
    expect((await client.say({ text: 'a' })).text).to.equal('a');
    expect((await client.join(texts('a', 'b'))).text).to.equal('a,b');
    expect(await collect(client.repeat({ text: 'a', count: 2 }))).to.have.length(2);
    expect(await collect(client.chat(texts('a', 'b', 'c')))).to.have.length(3);
  });

  it('goes through the log like any other', async () => {
    await client.say({ text: 'a' });

    expect(server.logLines[0]).to.include({ protocol: 'in-process', code: 'OK', method: 'echo.v1.EchoService/Say' });
  });

  it('fails as it would over the wire', async () => {
    server.handlers.say = async ({ requestId }, { text }) => {
      if (text === 'known') throw new ServiceError('CONTENTION', `busy ${requestId}`, { retryDelayMs: 5 });
      throw new Error('password is hunter2');
    };

    const known = await rejection(client.say({ text: 'known' }), CallError);
    const unknown = await rejection(client.say({ text: 'unknown' }), CallError);

    expect(known).to.include({ codeName: 'ABORTED', reason: 'CONTENTION', retryDelayMs: 5 });
    expect(unknown.message).to.match(/^Internal error \(request [0-9a-f-]{36}\)$/);
    expect(unknown.requestId).to.be.a('string');
  });

  it('ends with its deadline and with its signal', async () => {
    const stopped = deferred<void>();
    server.handlers.say = (ctx) => {
      ctx.signal.addEventListener('abort', () => stopped.resolve());
      return new Promise(() => undefined);
    };
    const controller = new AbortController();

    const late = await rejection(client.say({}, { timeoutMs: 20 }), CallError);
    const call = rejection(client.say({}, { signal: controller.signal }), CallError);
    controller.abort();

    expect(late.codeName).to.equal('DEADLINE_EXCEEDED');
    expect((await call).codeName).to.equal('CANCELLED');
    await stopped.promise;
    expect(server.openCalls.size).to.equal(0);
  });

  it('shares no object between caller and handler', async () => {
    const request = words('a', { payload: new Uint8Array([1]) });
    server.handlers.say = async (_ctx, received) => {
      received.payload[0] = 9;
      return received;
    };

    await client.say(request);

    expect(request.payload[0]).to.equal(1);
  });

  it('takes a transport that adds faults', async () => {
    let failures = 1;
    const flaky: Transport = {
      ...transport,
      async unary(call, request) {
        failures -= 1;
        if (failures >= 0) throw new CallError({ code: 14, message: 'dropped' });
        return transport.unary(call, request);
      },
    };
    const victim = createClient(EchoServiceDefinition, { transport: flaky });

    expect((await rejection(victim.say({}), CallError)).codeName).to.equal('UNAVAILABLE');
    expect((await victim.say({ text: 'a' })).text).to.equal('a');
  });
});
