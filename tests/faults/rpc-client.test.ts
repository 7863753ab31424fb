import { createServer as createHttp2Server, type Http2Server } from 'node:http2';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { expect } from 'chai';
import { CallError } from '../../src/rpc/client/call-error.js';
import { createClient, type ServiceClient } from '../../src/rpc/client/create-client.js';
import { toFrame } from '../../src/rpc/grpc/frames.js';
import { EchoServiceDefinition } from '../support/echo-contract.js';
import { collect, startEchoServer, words, type EchoServer } from '../support/echo-server.js';
import { rejection } from '../support/rejection.js';

type EchoClient = ServiceClient<typeof EchoServiceDefinition>;

/** What a call that nobody ends may take beyond its budget on a machine that is busy. */
const SLACK_MS = 1500;
/** For a client whose peer does not take connections as it should; others connect in as long as they may. */
const CONNECT_MS = 150;
const AN_ANSWER = toFrame(EchoServiceDefinition.methods.say.responseType.encode(words('a')).finish());

describe('a client whose peer', () => {
  const closers: (() => void)[] = [];

  afterEach(() => {
    for (const close of closers.splice(0)) close();
  });

  async function listenRaw(onSocket: (socket: Socket) => void): Promise<string> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      onSocket(socket);
    });
    closers.push(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return addressOf(server);
  }

  async function listenHttp2(server: Http2Server): Promise<string> {
    const sessions = new Set<{ destroy(): void }>();
    server.on('session', (session) => sessions.add(session));
    closers.push(() => {
      for (const session of sessions) session.destroy();
      server.close();
    });
    return addressOf(server);
  }

  function clientOf(address: string, options: { connectTimeoutMs?: number } = {}): EchoClient {
    const client = createClient(EchoServiceDefinition, { address, ...options });
    closers.push(() => client.close());
    return client;
  }

  async function timed<T>(promise: Promise<T>): Promise<{ result: T; tookMs: number }> {
    const startMs = performance.now();
    const result = await promise;
    return { result, tookMs: performance.now() - startMs };
  }

  context('takes the connection and says nothing', () => {
    it('fails with UNAVAILABLE when the time to connect is over, long before the deadline', async () => {
      const client = clientOf(await listenRaw(() => undefined), { connectTimeoutMs: CONNECT_MS });

      const { result, tookMs } = await timed(rejection(client.say({ text: 'a' }, { timeoutMs: 20_000 }), CallError));

      expect(result.codeName).to.equal('UNAVAILABLE');
      expect(tookMs).to.be.lessThan(CONNECT_MS + SLACK_MS);
    });

    it('gets through with a later call once the peer answers', async () => {
      const echo = await startEchoServer();
      closers.push(() => void echo.close());
      let connections = 0;
      const client = clientOf(
        await listenRaw((socket) => {
          connections += 1;
          if (connections > 1) forward(socket, echo);
        }),
        { connectTimeoutMs: CONNECT_MS },
      );

      await rejection(client.say({ text: 'a' }), CallError);

      expect((await client.say({ text: 'b' })).text).to.equal('b');
    });
  });

  context('is not there', () => {
    it('fails with UNAVAILABLE at once', async () => {
      const server = createServer();
      const address = await addressOf(server);
      await new Promise((resolve) => server.close(resolve));

      const { result, tookMs } = await timed(rejection(clientOf(address).say({ text: 'a' }), CallError));

      expect(result.codeName).to.equal('UNAVAILABLE');
      expect(tookMs).to.be.lessThan(SLACK_MS);
    });
  });

  for (const [kind, call] of Object.entries({
    unary: (client: EchoClient) => client.say({ text: 'a' }, { timeoutMs: 200 }),
    'client stream': (client: EchoClient) => client.join(one(), { timeoutMs: 200 }),
  })) {
    for (const [what, messages] of [
      ['two answers', 2],
      ['OK and no answer', 0],
    ] as const) {
      context(`gives ${what} to a ${kind} call`, () => {
        it('fails by the deadline, and takes none of them', async () => {
          const server = createHttp2Server();
          server.on('stream', (stream) => {
            stream.on('error', () => undefined).resume();
            stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
            stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
            for (let count = 0; count < messages; count += 1) stream.write(AN_ANSWER);
            stream.end();
          });

          const { result, tookMs } = await timed(rejection(call(clientOf(await listenHttp2(server))), CallError));

          expect(result.codeName).to.be.oneOf(['INTERNAL', 'UNIMPLEMENTED', 'DEADLINE_EXCEEDED']);
          expect(tookMs).to.be.lessThan(200 + SLACK_MS);
        });
      });
    }
  }

  for (const [kind, call] of Object.entries({
    unary: (client: EchoClient) => client.say({ text: 'a' }, { timeoutMs: 200 }),
    'server stream': (client: EchoClient) => collect(client.repeat({ text: 'a', count: 1 }, { timeoutMs: 200 })),
    'client stream': (client: EchoClient) => client.join(endless(), { timeoutMs: 200 }),
    bidirectional: (client: EchoClient) => collect(client.chat(endless(), { timeoutMs: 200 })),
  })) {
    context(`answers with headers only to a ${kind} call`, () => {
      it('fails with DEADLINE_EXCEEDED at the deadline', async () => {
        const server = createHttp2Server();
        server.on('stream', (stream) => {
          stream.on('error', () => undefined);
          stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
        });

        const { result, tookMs } = await timed(rejection(call(clientOf(await listenHttp2(server))), CallError));

        expect(result.codeName).to.equal('DEADLINE_EXCEEDED');
        expect(tookMs).to.be.lessThan(200 + SLACK_MS);
      });
    });

    context(`stops reading in the middle of a ${kind} call`, () => {
      it('fails with DEADLINE_EXCEEDED at the deadline', async () => {
        const echo = await startEchoServer();
        closers.push(() => void echo.close());
        const never = () => new Promise<never>(() => undefined);
        echo.handlers.say = never;
        echo.handlers.join = never;
        const neverYields = async function* () {
          yield await never();
        };
        echo.handlers.repeat = neverYields;
        echo.handlers.chat = neverYields;
        const client = clientOf(await listenRaw((socket) => forward(socket, echo, 32 * 1024)));

        const { result, tookMs } = await timed(rejection(call(client), CallError));

        expect(result.codeName).to.equal('DEADLINE_EXCEEDED');
        expect(tookMs).to.be.lessThan(200 + SLACK_MS);
      });
    });
  }
});

async function* one() {
  yield { text: 'a' };
}

async function* endless() {
  for (;;) yield { payload: new Uint8Array(8192) };
}

/** Hands the bytes on to the server, and reads no more from the client once so many have passed. */
function forward(socket: Socket, { address }: EchoServer, bytesMax = Infinity): void {
  const [host = '', port = ''] = address.split(':');
  const server = connect(Number(port), host);
  server.on('error', () => socket.destroy());
  socket.on('close', () => server.destroy());
  server.pipe(socket);
  let bytes = 0;
  socket.on('data', (piece: Buffer) => {
    server.write(piece);
    bytes += piece.length;
    if (bytes > bytesMax) socket.pause();
  });
}

async function addressOf(server: Server | Http2Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
