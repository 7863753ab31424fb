import type { Settings } from 'node:http2';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { CallError } from '../../src/rpc/client/call-error.js';
import { Code } from '../../src/rpc/codes.js';
import { ServiceError } from '../../src/rpc/errors.js';
import { toFrame } from '../../src/rpc/grpc/frames.js';
import { deferred } from '../support/deferred.js';
import { startEchoServer, words, type EchoServer } from '../support/echo-server.js';
import { EchoServiceDefinition } from '../support/echo-contract.js';
import { LIMITED_TRANSPORTS, onEachTransport, onTransports } from '../support/on-each-transport.js';
import { callRaw, connectRaw, openRaw } from '../support/raw-call.js';
import { rejection } from '../support/rejection.js';

const SAY = '/echo.v1.EchoService/Say';
const JOIN = '/echo.v1.EchoService/Join';
const MIB = 1024 * 1024;
const DAY_MS = 24 * 60 * 60 * 1000;

describe('a call on the wire', () => {
  onTransports(LIMITED_TRANSPORTS, () => {
    let server: EchoServer;

    before(async () => {
      server = await startEchoServer({ messageBytesMax: 64 * 1024, requestTimeoutMs: 100 });
    });

    after(() => server.close());

    const encoded = (text: string): Uint8Array =>
      EchoServiceDefinition.methods.say.requestType.encode(words(text)).finish();
    const compressed = (bytes: Buffer): Buffer => {
      const frame = toFrame(bytes);
      frame[0] = 1;
      return frame;
    };

    it('is refused where a message is marked as compressed and grpc-encoding is not set', async () => {
      const answer = await callRaw(server.address, SAY, { body: compressed(gzipSync(encoded('a'))) });

      expect(answer.grpcStatus).to.equal(String(Code.INTERNAL));
      expect(answer.grpcMessage).to.include('grpc-encoding');
    });

    it('may come compressed', async () => {
      const body = compressed(gzipSync(encoded('packed')));
      const answer = await callRaw(server.address, SAY, { headers: { 'grpc-encoding': 'gzip' }, body });

      expect(answer.grpcStatus).to.equal('0');
      expect(answer.body.toString('latin1')).to.include('packed');
    });

    it('is refused in an encoding that is not known, and told those that are', async () => {
      const body = compressed(Buffer.from('x'));
      const answer = await callRaw(server.address, SAY, { headers: { 'grpc-encoding': 'snappy' }, body });

      expect(answer.grpcStatus).to.equal(String(Code.UNIMPLEMENTED));
      expect(answer.headers['grpc-accept-encoding']).to.equal('identity,gzip,deflate');
    });

    for (const [what, body] of Object.entries({
      'half a message': toFrame(encoded('hello')).subarray(0, 8),
      'an unknown flag': Buffer.from([2, 0, 0, 0, 0]),
      'bytes that are no gzip': compressed(Buffer.from('nonsense')),
    })) {
      it(`is refused with ${what}`, async () => {
        const answer = await callRaw(server.address, SAY, { headers: { 'grpc-encoding': 'gzip' }, body });

        expect(answer.grpcStatus).to.equal(String(Code.INVALID_ARGUMENT));
      });
    }

    for (const [what, body] of Object.entries({
      'no message': Buffer.alloc(0),
      'two messages': Buffer.concat([toFrame(encoded('a')), toFrame(encoded('b'))]),
    })) {
      it(`is refused with ${what}, as one of another contract`, async () => {
        const answer = await callRaw(server.address, SAY, { body });

        expect(answer.grpcStatus).to.equal(String(Code.UNIMPLEMENTED));
      });
    }

    it('is refused in another form than protobuf', async () => {
      const answer = await callRaw(server.address, SAY, { headers: { 'content-type': 'application/grpc+json' } });

      expect(answer.headers[':status']).to.equal(415);
    });

    it('to a method that is not there is UNIMPLEMENTED', async () => {
      const answer = await callRaw(server.address, '/echo.v1.EchoService/%F0%9F\ud83dX', {});

      expect(answer.grpcStatus).to.equal(String(Code.UNIMPLEMENTED));
    });

    it('that is not gRPC at all gets an HTTP status', async () => {
      const answer = await callRaw(server.address, SAY, { headers: { 'content-type': 'application/json' } });

      expect(answer.httpStatus).to.equal(415);
    });

    it('gets its error before its requests have ended, and its stream is closed', async () => {
      server.handlers.join = async () => {
        throw new ServiceError('CONTENTION', 'enough');
      };
      const session = connectRaw(server.address);

      const call = openRaw(session, JOIN);
      call.stream.write(toFrame(encoded('a')));
      const answer = await call.answer;
      session.close();

      expect(answer).to.include({ grpcStatus: String(Code.ABORTED), rstCode: 0 });
    });

    it('that is opened and sends nothing ends, and says which limit ended it', async () => {
      const session = connectRaw(server.address);
      const answer = await openRaw(session, SAY).answer;
      session.close();

      expect(answer.grpcStatus).to.equal(String(Code.RESOURCE_EXHAUSTED));
      expect(answer.grpcMessage).to.include('KEELSON_REQUEST_TIMEOUT_MS');
      expect(server.openCalls.size).to.equal(0);
    });

    it('ends within a moment of its caller going away, though nobody reads or answers', async () => {
      const started = deferred<void>();
      const stopped = deferred<void>();
      server.handlers.join = async (_ctx, requests) => {
        try {
          for await (const { text } of requests) started.resolve(expect(text).to.equal('a') && undefined);
        } finally {
          stopped.resolve();
        }
        return words('');
      };
      const session = connectRaw(server.address);
      openRaw(session, JOIN).stream.write(toFrame(encoded('a')));
      await started.promise;

      session.destroy();

      await stopped.promise;
    });

    for (const [what, text] of Object.entries({
      'a lone surrogate': 'x\udc00',
      'NUL and a line break': '\0\r\n',
      'an emoji': '\u{1f600}',
    })) {
      it(`keeps working when a handler sends metadata with ${what}`, async () => {
        server.handlers.say = async () => {
          throw new ServiceError('CONTENTION', text, { metadata: { [text]: text } });
        };

        const err = await rejection(server.client.say({ text }), CallError);

        expect(err.reason).to.equal('CONTENTION');
      });
    }
  });
});

describe('the grpc-timeout of a call', () => {
  onEachTransport(() => {
    let server: EchoServer;

    before(async () => {
      server = await startEchoServer();
    });

    after(() => server.close());

    const encoded = (text: string): Uint8Array =>
      EchoServiceDefinition.methods.say.requestType.encode(words(text)).finish();

    for (const [header, leastMs] of Object.entries({
      '99999999H': 99_999_999 * 3_600_000 - 1000,
      '2592000S': 30 * DAY_MS - 1000,
      '597H': 597 * 3_600_000 - 1000,
      '99999999n': 0,
      '5S': 4000,
    })) {
      it(`lives as long as grpc-timeout ${header} says`, async () => {
        let remainingMs = 0;
        server.handlers.say = async (ctx, request) => {
          remainingMs = ctx.remainingMs();
          return request;
        };

        const answer = await callRaw(server.address, SAY, {
          headers: { 'grpc-timeout': header },
          body: toFrame(encoded('a')),
        });

        expect(answer.grpcStatus).to.equal('0');
        expect(remainingMs).to.be.at.least(leastMs);
      });
    }

    for (const header of ['abc123S', '123', '-1S', '123456789S', '1 S', '1.5S', '1S ,2S', 'S']) {
      it(`is refused with grpc-timeout "${header}"`, async () => {
        const answer = await callRaw(server.address, SAY, {
          headers: { 'grpc-timeout': header },
          body: toFrame(encoded('a')),
        });

        expect(answer.grpcStatus).to.equal(String(Code.INVALID_ARGUMENT));
        expect(answer.grpcMessage).to.include('grpc-timeout');
      });
    }
  });
});

describe('a server that was told no limits', () => {
  onEachTransport(() => {
    let server: EchoServer;

    before(async () => {
      server = await startEchoServer();
    });

    after(() => server.close());

    it('refuses a message of 8 MiB', async () => {
      const { requestType } = EchoServiceDefinition.methods.say;
      const body = toFrame(requestType.encode(words('', { payload: new Uint8Array(8 * MIB) })).finish());

      expect((await callRaw(server.address, SAY, { body })).grpcStatus).to.equal(String(Code.RESOURCE_EXHAUSTED));
    });

    it('lets a connection have a bounded number of streams', async () => {
      const session = connectRaw(server.address);
      const { maxConcurrentStreams } = await new Promise<Settings>((resolve) =>
        session.once('remoteSettings', resolve),
      );
      session.destroy();

      expect(maxConcurrentStreams).to.be.within(1, 1000);
    });
  });
});
