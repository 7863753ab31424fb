import { constants } from 'node:http2';
import { expect } from 'chai';
import { CallError } from '../../src/rpc/client/call-error.js';
import { Code } from '../../src/rpc/codes.js';
import { ServiceError } from '../../src/rpc/errors.js';
import { toFrame } from '../../src/rpc/grpc/frames.js';
import { deferred } from '../support/deferred.js';
import { collect, startEchoServer, words, type EchoServer } from '../support/echo-server.js';
import { connectRaw, openRaw, type RawCall } from '../support/raw-call.js';
import { rejection } from '../support/rejection.js';
import { onEachTransport } from '../support/on-each-transport.js';

async function* texts(...all: string[]) {
  for (const text of all) yield { text };
}

/** So many calls fill any window that a connection has. */
const UNHEARD_CALLS = 100;

/** Longer than a test may take, so that what waits for it fails. */
const TEST_MS_MAX = 60_000;

describe('a call that streams requests', () =>
  onEachTransport(() => {
    let server: EchoServer;

    beforeEach(async () => {
      server = await startEchoServer();
    });

    afterEach(() => server.close());

    it('gives them to the handler in order, and one answer back', async () => {
      const answer = await server.client.join(texts('a', 'b', 'c'));

      expect(answer.text).to.equal('a,b,c');
    });

    it('may have none', async () => {
      expect(await server.client.join(texts())).to.include({ text: '', count: 0 });
    });

    it('gets an answer that does not wait for the rest of them', async () => {
      server.handlers.join = async (_ctx, requests) => {
        for await (const { text } of requests) return words(`only ${text}`);
        return words('none');
      };
      const endless = async function* () {
        for (;;) yield { text: 'x', payload: new Uint8Array(8192) };
      };

      expect((await server.client.join(endless())).text).to.equal('only x');
    });

    it('fails with INVALID_ARGUMENT when one of them is malformed, though the handler looks away', async () => {
      server.handlers.join = async (_ctx, requests) => {
        await collect(requests).catch(() => undefined);
        return words('fine');
      };
      const session = connectRaw(server.address);
      const { stream, answer } = openRaw(session, '/echo.v1.EchoService/Join');

      stream.end(Buffer.concat([toFrame(Buffer.alloc(0)), toFrame(Buffer.from([0xff]))]));

      expect((await answer).grpcStatus).to.equal(String(Code.INVALID_ARGUMENT));
      session.close();
    });

    it('is held while the handler does not read', async () => {
      const release = deferred<void>();
      const payload = new Uint8Array(16 * 1024);
      server.handlers.join = async (_ctx, requests) => {
        await release.promise;
        return words('', { count: (await collect(requests)).length });
      };
      let sent = 0;
      const requests = async function* () {
        for (; sent < 500; sent += 1) yield { payload };
      };
      const call = server.client.join(requests());

      let before = -1;
      while (before !== sent) {
        before = sent;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      const heldAt = sent;
      release.resolve();

      expect((await call).count).to.equal(500);
      expect(heldAt).to.be.lessThan(150);
    });

    it('holds up no other call of its connection while the handler does not read', async () => {
      const payload = new Uint8Array(16 * 1024);
      const release = deferred<void>();
      server.handlers.join = async () => {
        await release.promise;
        return words('');
      };
      const endless = async function* () {
        for (;;) yield { payload };
      };
      const unheard = Array.from({ length: UNHEARD_CALLS }, () => server.client.join(endless()));
      while (server.openCalls.size < UNHEARD_CALLS) await new Promise((resolve) => setTimeout(resolve, 20));

      const large = await server.client.say({ payload: new Uint8Array(1024 * 1024) });
      const said = await collect(server.client.chat(texts('a', 'b', 'c')));
      release.resolve();
      await Promise.all(unheard);

      expect(large.payload.length).to.equal(1024 * 1024);
      expect(said.map(({ text }) => text)).to.deep.equal(['a', 'b', 'c']);
    }).timeout(TEST_MS_MAX);

    it('ends with the deadline while the handler waits for a request that does not come', async () => {
      const stopped = deferred<void>();
      server.handlers.join = async (_ctx, requests) => {
        await collect(requests).finally(() => stopped.resolve());
        return words('');
      };
      const never = async function* () {
        yield { text: 'a' };
        await new Promise(() => undefined);
      };

      const err = await rejection(server.client.join(never(), { timeoutMs: 100 }), CallError);

      expect(err.codeName).to.equal('DEADLINE_EXCEEDED');
      await stopped.promise;
      // The handler may hear of the end a moment before the call is closed; this waits for the close.
      await server.openCalls.drain(TEST_MS_MAX);
    });

    for (const [how, breakOff] of Object.entries({
      'cancels the stream': ({ stream }: RawCall) => stream.close(constants.NGHTTP2_CANCEL),
      'drops the connection': ({ stream }: RawCall) => stream.session?.destroy(),
    })) {
      it(`never looks finished to the handler when its caller ${how}`, async () => {
        const started = deferred<void>();
        const outcome = deferred<unknown>();
        server.handlers.join = async (_ctx, requests) => {
          started.resolve();
          await collect(requests).then(
            () => outcome.resolve('finished'),
            () => outcome.resolve('broken off'),
          );
          return words('');
        };
        const session = connectRaw(server.address);
        const call = openRaw(session, '/echo.v1.EchoService/Join');
        call.stream.write(toFrame(Buffer.alloc(0)));
        await started.promise;

        breakOff(call);

        expect(await outcome.promise).to.equal('broken off');
        session.destroy();
      });
    }

    it('rejects with what the source of its requests throws, and the server hears of a cancel', async () => {
      const started = deferred<void>();
      const stopped = deferred<void>();
      server.handlers.join = async (_ctx, requests) => {
        started.resolve();
        await collect(requests).finally(() => stopped.resolve());
        return words('');
      };
      const failing = async function* () {
        yield { text: 'a' };
        await started.promise;
        throw new TypeError('no more');
      };

      await rejection(server.client.join(failing()), TypeError);
      await stopped.promise;
    });

    it('ends the source of its requests when the call ends first', async () => {
      const ended = deferred<void>();
      server.handlers.join = async () => {
        throw new ServiceError('CONTENTION', 'stop');
      };
      const source = async function* () {
        try {
          for (;;) yield { text: 'a', payload: new Uint8Array(8192) };
        } finally {
          ended.resolve();
        }
      };

      const err = await rejection(server.client.join(source()), CallError);

      expect(err.reason).to.equal('CONTENTION');
      await ended.promise;
    });
  }));

describe('a call that streams both ways', () =>
  onEachTransport(() => {
    let server: EchoServer;

    beforeEach(async () => {
      server = await startEchoServer();
    });

    afterEach(() => server.close());

    it('answers each request before the next is made', async () => {
      const answers: string[] = [];
      const requests = async function* () {
        for (const text of ['a', 'b', 'c']) {
          yield { text };
          while (answers.at(-1) !== text) await new Promise((resolve) => setImmediate(resolve));
        }
      };

      for await (const { text } of server.client.chat(requests())) answers.push(text);

      expect(answers).to.deep.equal(['a', 'b', 'c']);
    });

    it('loses and reorders nothing', async () => {
      const many = Array.from({ length: 2000 }, (_, i) => String(i));

      const answers = await collect(server.client.chat(texts(...many)));

      expect(answers.map(({ text }) => text)).to.deep.equal(many);
    });

    it('rejects with what the source of its requests throws', async () => {
      const failing = async function* () {
        yield { text: 'a' };
        throw new TypeError('no more');
      };

      await rejection(collect(server.client.chat(failing())), TypeError);
    });
  }));
