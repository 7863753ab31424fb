import { expect } from 'chai';
import { CallError } from '../../src/rpc/client/call-error.js';
import { createClient } from '../../src/rpc/client/create-client.js';
import { createFaultyTransport, type FaultClock, type FaultRule } from '../../src/rpc/client/faults.js';
import { createInProcessTransport } from '../../src/rpc/client/in-process-transport.js';
import { EchoServiceDefinition } from '../support/echo-contract.js';
import { collect, startEchoServer, type EchoServer } from '../support/echo-server.js';
import { rejection } from '../support/rejection.js';

const SAY = '/echo.v1.EchoService/Say';

async function* texts(...all: string[]) {
  for (const text of all) yield { text };
}

describe('createFaultyTransport()', () => {
  let server: EchoServer;
  let waitsMs: number[];
  let duringWait: () => void;
  const clock: FaultClock = {
    async wait(ms) {
      waitsMs.push(ms);
      duringWait();
    },
  };

  beforeEach(async () => {
    server = await startEchoServer();
    waitsMs = [];
    duringWait = () => undefined;
  });

  afterEach(async () => {
    await server.close();
  });

  function clientWith(...rules: FaultRule[]) {
    const transport = createFaultyTransport(createInProcessTransport(server), { rules, clock });
    return createClient(EchoServiceDefinition, { transport });
  }

  it('changes nothing for calls that no rule meets', async () => {
    const client = clientWith({ methods: ['/echo.v1.EchoService/None'], fault: { kind: 'drop-answer' } });

    expect((await client.say({ text: 'x' })).text).to.equal('x');
    expect((await client.join(texts('x', 'y'))).text).to.equal('x,y');
    expect(await collect(client.repeat({ text: 'x', count: 3 }))).to.have.length(3);
    expect(await collect(client.chat(texts('x', 'y')))).to.have.length(2);
  });

  it('fails chosen calls of a method as a server would, before any server sees them', async () => {
    const fault = { kind: 'fail', code: 'ABORTED', reason: 'CONTENTION', retryDelayMs: 7 } as const;
    const client = clientWith({ methods: [SAY], calls: (nth) => nth === 2, fault });

    await client.say({ text: '1' });
    const err = await rejection(client.say({ text: '2' }), CallError);
    await client.say({ text: '3' });
    await client.join(texts('x'));

    expect(err).to.include({ codeName: 'ABORTED', reason: 'CONTENTION', retryDelayMs: 7, isLocal: false });
    expect(server.logLines).to.have.length(3);
  });

  it('fails each kind of call', async () => {
    const client = clientWith({ fault: { kind: 'fail', code: 'UNAVAILABLE' } });
    const failed = [
      client.say({ text: 'x' }),
      client.join(texts('x')),
      collect(client.repeat({ text: 'x', count: 1 })),
      collect(client.chat(texts('x'))),
    ].map((call) => rejection(call, CallError));

    expect((await Promise.all(failed)).map(({ codeName }) => codeName)).to.deep.equal(Array(4).fill('UNAVAILABLE'));
    expect(server.logLines).to.have.length(0);
  });

  it('delays a call, which has that much less time', async () => {
    let remainingMs = Infinity;
    server.handlers.say = async (ctx, request) => {
      remainingMs = ctx.remainingMs();
      return request;
    };
    await clientWith({ fault: { kind: 'delay', delayMs: 9000 } }).say({ text: 'x' }, { timeoutMs: 10_000 });

    expect(waitsMs).to.deep.equal([9000]);
    expect(remainingMs).to.be.at.most(1000);
  });

  it('ends a call whose delay is longer than its time', async () => {
    const client = clientWith({ fault: { kind: 'delay', delayMs: 9000 } });
    const err = await rejection(client.say({ text: 'x' }, { timeoutMs: 500 }), CallError);

    expect(err).to.include({ codeName: 'DEADLINE_EXCEEDED', isLocal: true });
    expect(waitsMs).to.deep.equal([500]);
    expect(server.logLines).to.have.length(0);
  });

  it('ends a delayed call when its caller goes', async () => {
    const gone = new AbortController();
    duringWait = () => gone.abort();
    const client = clientWith({ fault: { kind: 'delay', delayMs: 10 } });

    expect((await rejection(client.say({ text: 'x' }, { signal: gone.signal }), CallError)).codeName).to.equal(
      'CANCELLED',
    );
    expect(server.logLines).to.have.length(0);
  });

  it('drops the answer of what the server has done', async () => {
    const client = clientWith({ fault: { kind: 'drop-answer' } });
    const err = await rejection(client.say({ text: 'x' }, { timeoutMs: 500 }), CallError);

    expect(err.codeName).to.equal('DEADLINE_EXCEEDED');
    expect(waitsMs).to.deep.equal([500]);
    expect(server.logLines.map(({ code }) => code)).to.deep.equal(['OK']);
  });

  for (const afterMessages of [0, 2, 3]) {
    it(`cuts a stream of three after ${afterMessages}`, async () => {
      const client = clientWith({ fault: { kind: 'cut', afterMessages } });
      const seen: string[] = [];
      const read = async () => {
        for await (const { text } of client.repeat({ text: 'x', count: 3 })) seen.push(text);
      };

      expect(await rejection(read(), CallError)).to.include({ codeName: 'UNAVAILABLE', isLocal: true });
      expect(seen).to.deep.equal(['x0', 'x1', 'x2'].slice(0, afterMessages));
      expect(server.openCalls.size).to.equal(0);
    });
  }

  it('loses the confirmation of a change that was made', async () => {
    const client = clientWith({ calls: (nth) => nth === 1, fault: { kind: 'cut', afterMessages: 0 } });

    expect((await rejection(client.say({ text: 'x' }), CallError)).codeName).to.equal('UNAVAILABLE');
    expect(server.logLines.map(({ code }) => code)).to.deep.equal(['OK']);
    expect((await client.say({ text: 'x' })).text).to.equal('x');
  });

  it('lets a call meet several faults in the order of their rules', async () => {
    const client = clientWith(
      { fault: { kind: 'delay', delayMs: 3 } },
      { fault: { kind: 'fail', code: 'NOT_FOUND' } },
      { fault: { kind: 'delay', delayMs: 5 } },
    );

    expect((await rejection(client.say({ text: 'x' }), CallError)).codeName).to.equal('NOT_FOUND');
    expect(waitsMs).to.deep.equal([3]);
  });
});
