import { constants, type ClientHttp2Session } from 'node:http2';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { CallError } from '../../src/rpc/client/call-error.js';
import { createClient } from '../../src/rpc/client/create-client.js';
import { Code } from '../../src/rpc/codes.js';
import { toFrame } from '../../src/rpc/grpc/frames.js';
import { deferred } from '../support/deferred.js';
import { EchoServiceDefinition } from '../support/echo-contract.js';
import { collect, startEchoServer, words, type EchoServer } from '../support/echo-server.js';
import { LIMITED_TRANSPORTS, onTransports } from '../support/on-each-transport.js';
import { callRaw, connectRaw, openRaw } from '../support/raw-call.js';
import { rejection } from '../support/rejection.js';

const SAY = '/echo.v1.EchoService/Say';
const EXHAUSTED = String(Code.RESOURCE_EXHAUSTED);

onTransports(LIMITED_TRANSPORTS, () => {
  describe('a limit of the gRPC server', () => {
    let server: EchoServer;
    let session: ClientHttp2Session;

    beforeEach(async () => {
      server = await startEchoServer({
        messageBytesMax: 256 * 1024,
        metadataBytesMax: 4096,
        callsMax: 5,
        streamsPerConnectionMax: 8,
        connectionsMax: 3,
        requestTimeoutMs: 200,
      });
      session = connectRaw(server.address);
    });

    afterEach(async () => {
      session.destroy();
      await server.close();
    });

    it('refuses a message that is announced too large, before it arrives', async () => {
      const { stream, answer } = openRaw(session, SAY);
      stream.write(Buffer.from([0, 0x7f, 0xff, 0xff, 0xff]));

      expect(await answer).to.include({ grpcStatus: EXHAUSTED });
      expect((await answer).grpcMessage).to.include('KEELSON_MESSAGE_BYTES_MAX');
    });

    it('refuses an answer that is too large, and says so', async () => {
      server.handlers.say = async () => words('', { payload: new Uint8Array(300 * 1024) });

      const err = await rejection(server.client.say({}), CallError);

      expect(err).to.include({ reason: 'MESSAGE_TOO_LARGE', codeName: 'RESOURCE_EXHAUSTED' });
    });

    it('refuses metadata that is too large, by name up to twice as much', async () => {
      await new Promise((resolve) => session.once('remoteSettings', resolve));
      const named = await callRaw(server.address, SAY, { headers: { 'x-a': 'a'.repeat(5000) } });
      // HTTP/2 holds a peer to the limit once it has heard of it.
      const cut = await openRaw(session, SAY, { 'x-a': 'a'.repeat(20_000) }).answer;

      expect(named.grpcStatus).to.equal(EXHAUSTED);
      expect(named.grpcMessage).to.include('KEELSON_METADATA_BYTES_MAX');
      expect(cut.rstCode).to.equal(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    });

    it('refuses a message that inflates beyond what it may, without inflating it', async () => {
      const bomb = toFrame(gzipSync(Buffer.alloc(32 * 1024 * 1024)));
      bomb[0] = 1;
      const small = toFrame(gzipSync(Buffer.alloc(200 * 1024)));
      small[0] = 1;
      const headers = { 'grpc-encoding': 'gzip' };

      const large = await callRaw(server.address, SAY, { headers, body: bomb });
      const dense = await callRaw(server.address, SAY, { headers, body: small });

      expect(large.grpcStatus).to.equal(EXHAUSTED);
      expect(large.grpcMessage).to.include('KEELSON_MESSAGE_BYTES_MAX');
      expect(dense.grpcMessage).to.include('KEELSON_INFLATE_RATIO_MAX');
    });

    it('ends streams that are opened and left', async () => {
      const answers = await Promise.all(Array.from({ length: 4 }, () => openRaw(session, SAY).answer));

      expect(answers.map(({ grpcStatus }) => grpcStatus)).to.deep.equal(Array(4).fill(EXHAUSTED));
      expect(server.openCalls.size).to.equal(0);
    });

    it('refuses a message in pieces of one byte', async () => {
      const { stream, answer } = openRaw(session, SAY);
      const frame = toFrame(Buffer.alloc(10_000));
      let sent = 0;
      const next = () => {
        if (stream.destroyed || sent >= frame.length) return;
        sent += 1;
        stream.write(frame.subarray(sent - 1, sent), () => setImmediate(next));
      };
      next();

      expect((await answer).grpcMessage).to.include('pieces');
      expect(sent).to.be.lessThan(2000);
    });

    it('lets no more calls run than it may, and takes them again afterwards', async () => {
      const release = deferred<void>();
      let running = 0;
      const full = deferred<void>();
      server.handlers.say = async (_ctx, request) => {
        running += 1;
        if (running === 5) full.resolve();
        await release.promise;
        return request;
      };
      const calls = Array.from({ length: 5 }, () => server.client.say({}));
      await full.promise;

      const err = await rejection(server.client.say({}), CallError);
      release.resolve();
      await Promise.all(calls);

      expect(err).to.include({ reason: 'OVERLOADED', codeName: 'RESOURCE_EXHAUSTED' });
      expect(err.retryDelayMs).to.be.greaterThan(0);
      await server.client.say({});
    });

    it('lets a connection have no more streams than it may', async () => {
      const settings = await new Promise<{ maxConcurrentStreams?: number }>((resolve) => {
        session.once('remoteSettings', resolve);
      });

      expect(settings.maxConcurrentStreams).to.equal(8);
    });

    it('drops connections that are too many', async () => {
      const [host = '', port = ''] = server.address.split(':');
      const sockets = Array.from({ length: 6 }, () => connect(Number(port), host));
      const closed = await Promise.race(
        sockets.map((socket) => new Promise((resolve) => socket.on('error', resolve).on('close', resolve))),
      );
      for (const socket of sockets) socket.destroy();

      expect(closed).not.to.equal(undefined);
      expect(server.logLines.find(({ msg }) => msg === 'connections dropped')).to.include({
        limit: 'KEELSON_CONNECTIONS_MAX',
      });
    });

    it('tells a peer that floods it with pings to go', async () => {
      const goaway = new Promise<number>((resolve) => {
        session.on('goaway', resolve);
      });
      await new Promise((resolve) => session.once('connect', resolve));
      const ping = (): void => {
        if (!session.destroyed) session.ping(() => setImmediate(ping));
      };
      for (let i = 0; i < 10; i += 1) ping();

      expect(await goaway).to.equal(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    });

    it('tells a peer that opens and resets streams without end to go', async () => {
      const closed = new Promise<void>((resolve) => {
        session.once('close', resolve);
      });
      const flood = (): void => {
        for (let i = 0; i < 50 && !session.destroyed && !session.closed; i += 1) {
          const { stream } = openRaw(session, SAY);
          stream.close(constants.NGHTTP2_CANCEL);
        }
        if (!session.destroyed) setImmediate(flood);
      };
      flood();

      await closed;
      expect(server.openCalls.size).to.equal(0);
    });
  });

  describe('a server that is late', () => {
    it('takes on fewer unary calls, tells when to come back, and lets streams and health alone', async () => {
      let callsMax = 2;
      let running = 0;
      const refused: string[] = [];
      const load = { hasRoomFor: () => running < callsMax, begin: () => () => undefined };
      const metrics = { countCall: () => undefined, countRefused: (limit: string) => void refused.push(limit) };
      const server = await startEchoServer({}, { load, metrics });
      const release = deferred<void>();
      const full = deferred<void>();
      server.handlers.say = async (_ctx, request) => {
        running += 1;
        if (running === 2) full.resolve();
        await release.promise;
        return request;
      };
      const calls = [server.client.say({}), server.client.say({})];
      await full.promise;

      const err = await rejection(server.client.say({}), CallError);
      const streamed = await collect(server.client.repeat({ count: 2 }));
      const again = await rejection(server.client.say({}), CallError);
      callsMax = 3;
      calls.push(server.client.say({}));
      release.resolve();
      await Promise.all(calls);
      await server.close();

      expect(err).to.include({ reason: 'OVERLOADED', codeName: 'RESOURCE_EXHAUSTED' });
      expect(err.message).to.include('KEELSON_LATENESS_MS_MAX');
      expect(err.retryDelayMs).to.be.greaterThan(0);
      expect(streamed).to.have.length(2);
      expect(again.reason).to.equal('OVERLOADED');
      expect(refused).to.deep.equal(['KEELSON_LATENESS_MS_MAX', 'KEELSON_LATENESS_MS_MAX']);
      // Neither call was more than counted: the log has one line for both, and the second is said later.
      expect(server.logLines.filter(({ msg }) => msg === 'calls refused')).to.have.length(1);
      expect(server.logLines.filter(({ code }) => code === 'RESOURCE_EXHAUSTED')).to.deep.equal([]);
    });
  });

  describe('a stream whose reader does not read', () => {
    it('holds no more than one window and one message, and others read on', async () => {
      const server = await startEchoServer();
      let produced = 0;
      server.handlers.repeat = async function* (_ctx, { text }) {
        for (;;) {
          if (text === 'stalled') produced += 1;
          yield words(text, { payload: new Uint8Array(8192) });
        }
      };
      const session = connectRaw(server.address);
      const request = toFrame(EchoServiceDefinition.methods.say.requestType.encode(words('stalled')).finish());
      const stalled = Array.from({ length: 20 }, () => {
        const stream = session.request({
          ':method': 'POST',
          ':path': '/echo.v1.EchoService/Repeat',
          'content-type': 'application/grpc',
        });
        stream.on('error', () => undefined);
        stream.end(request);
        return stream;
      });
      const reader = createClient(EchoServiceDefinition, { address: server.address });
      let read = 0;
      for await (const { payload } of reader.repeat({ text: 'read' })) {
        read += payload.length;
        if (read > 4 * 1024 * 1024) break;
      }

      expect(stalled).to.have.length(20);
      // 64 KiB of window are eight messages; the client's own buffer may take as much again.
      expect(produced).to.be.lessThan(20 * 40);
      session.destroy();
      reader.close();
      await server.close();
    });

    it('loses and reorders nothing for a slow one', async () => {
      const server = await startEchoServer();
      const answers: string[] = [];
      for await (const { text } of server.client.repeat({ text: '', count: 500 })) {
        if (answers.length % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
        answers.push(text);
      }
      const requests = async function* () {
        for (let i = 0; i < 300; i += 1) yield { text: String(i) };
      };
      const echoed = await collect(server.client.chat(requests()));
      await server.close();

      expect(answers).to.deep.equal(Array.from({ length: 500 }, (_, i) => String(i)));
      expect(echoed.map(({ text }) => text)).to.deep.equal(Array.from({ length: 300 }, (_, i) => String(i)));
    });
  });
});
