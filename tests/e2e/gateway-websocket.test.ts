import { expect } from 'chai';
import { once } from 'node:events';
import { connect } from 'node:net';
import { WebSocket } from 'ws';
import type { AnyHandler } from '../../src/rpc/service.js';
import type { CallContext } from '../../src/rpc/context.js';
import { ServiceError } from '../../src/rpc/errors.js';
import { dynamicService } from '../support/dynamic-service.js';
import { onEachGateway, startGatewayOf, type GatewayOptions, type StartedGateway } from '../support/on-each-gateway.js';
import { startRpcServerWith, type RpcServer } from '../support/rpc-server.js';
import { shortestMs } from '../support/shortest.js';
import { fixtureRegistry } from '../unit/gateway/fixture.js';

interface Line {
  readonly room: string;
  readonly text: string;
}

const JSON_FRAMES = 'keelson.v1.json';
const PROTO_FRAMES = 'keelson.v1.proto';
const BODY_BYTES_MAX = 20_000;
const ENDED_MS_MAX = 50;

describe('the HTTP gateway, given a WebSocket', () => {
  onEachGateway((kind) => {
    let server: RpcServer;
    let gateway: StartedGateway;
    let chat: (ctx: CallContext, lines: AsyncIterable<Line>, token: string | undefined) => AsyncIterable<Line>;

    before(() => start());
    after(stop);
    beforeEach(() => {
      chat = async function* (_ctx, lines) {
        for await (const { room, text } of lines) yield { room, text: `${text}!` };
      };
    });

    async function stop(): Promise<void> {
      await gateway?.close();
      await server?.close();
    }

    async function start(options: GatewayOptions = {}): Promise<void> {
      const handlers: Record<string, AnyHandler> = {
        chat: (ctx, lines, call) => chat(ctx, lines as AsyncIterable<Line>, call.metadata.get('authorization')),
        collect: async (_ctx, lines) => {
          const texts: string[] = [];
          for await (const { text } of lines as AsyncIterable<Line>) texts.push(text);
          return { room: '', text: texts.join(' ') };
        },
        listen: async function* (_ctx, line) {
          yield await Promise.resolve(line);
          yield { room: '', text: 'second' };
        },
      };
      const services = [dynamicService(fixtureRegistry(), 'fixtures.v1.ChatService', handlers)];
      server = await startRpcServerWith({ registry: fixtureRegistry(), services });
      gateway = await startGatewayOf(kind, server, { bodyBytesMax: BODY_BYTES_MAX, ...options });
    }

    function open(path: string, protocol = JSON_FRAMES, headers: Record<string, string> = {}): WebSocket {
      const socket = new WebSocket(`ws://127.0.0.1:${gateway.port}${path}`, protocol, { headers });
      socket.on('error', () => undefined);
      return socket;
    }

    /** Says everything at once, and gives what is heard until the socket closes. */
    async function talk(socket: WebSocket, ...words: (string | Buffer)[]): Promise<{ heard: unknown[]; code: number }> {
      const heard: unknown[] = [];
      socket.on('message', (data: Buffer, isBinary) => heard.push(isBinary ? data : JSON.parse(data.toString())));
      socket.once('open', () => {
        for (const word of words) socket.send(word);
      });
      const [code] = (await once(socket, 'close')) as [number];
      return { heard: heard.slice(1), code };
    }

    const say = (text: string) => JSON.stringify({ message: { text } });
    const END = '{"end":{}}';

    it('carries both directions in JSON, with path and query in every request', async () => {
      const { heard, code } = await talk(open('/v1/rooms/r1:chat'), say('a'), say('b'), END);
      expect(heard).to.deep.equal([
        { message: { room: 'r1', text: 'a!' } },
        { message: { room: 'r1', text: 'b!' } },
        { end: { metadata: {} } },
      ]);
      expect(code).to.equal(1000);
    });

    it('answers before the client has ended', async () => {
      const socket = open('/v1/rooms/r1:chat');
      socket.once('open', () => socket.send(say('a')));
      const answered = new Promise<string>((resolve) => {
        socket.on('message', (data: Buffer) => {
          if (data.includes('message')) resolve(data.toString());
        });
      });
      expect(JSON.parse(await answered)).to.deep.equal({ message: { room: 'r1', text: 'a!' } });
      socket.terminate();
    });

    it('carries encoded messages, and words about the call as text', async () => {
      const { heard } = await talk(open('/v1/rooms/r1:chat', PROTO_FRAMES), Buffer.from([0x12, 1, 0x61]), END);
      const room = Buffer.from([0x0a, 2, 0x72, 0x31, 0x12, 2, 0x61, 0x21]);
      expect(heard).to.deep.equal([room, { end: { metadata: {} } }]);
    });

    it('carries a stream of requests to one answer after the half close', async () => {
      const { heard } = await talk(open('/v1/rooms/r1:collect'), say('a'), say('b'), END);
      expect(heard).to.deep.equal([{ message: { text: 'a b' } }, { end: { metadata: {} } }]);
    });

    it('carries a stream of answers once the client has said a word', async () => {
      const { heard } = await talk(open('/v1/rooms/r1:listen?text=hi'), '{"start":{}}');
      expect(heard.slice(0, 2)).to.deep.equal([
        { message: { room: 'r1', text: 'hi' } },
        { message: { text: 'second' } },
      ]);
    });

    it('is found at the path of the method, where a frame holds all of a request', async () => {
      const { heard } = await talk(open('/fixtures.v1.ChatService/Chat'), '{"message":{"room":"x","text":"a"}}', END);
      expect(heard[0]).to.deep.equal({ message: { room: 'x', text: 'a!' } });
    });

    it('takes the token from the first word, or from a header', async () => {
      chat = async function* (_ctx, _lines, token) {
        yield await Promise.resolve({ room: '', text: token ?? 'none' });
      };
      const said = await talk(open('/v1/rooms/r:chat'), '{"start":{"token":"t1"}}');
      const sent = await talk(open('/v1/rooms/r:chat', JSON_FRAMES, { authorization: 'Bearer t2' }), '{"start":{}}');
      expect([said.heard[0], sent.heard[0]]).to.deep.equal([
        { message: { text: 'Bearer t1' } },
        { message: { text: 'Bearer t2' } },
      ]);
    });

    it('ends with the status of a call that fails', async () => {
      chat = async function* () {
        yield await Promise.resolve({ room: '', text: 'a' });
        throw new ServiceError('RESOURCE_NOT_FOUND', 'Cannot find the room');
      };
      const { heard, code } = await talk(open('/v1/rooms/r:chat'), say('a'));
      expect(heard.at(-1)).to.have.nested.property('error.status', 'NOT_FOUND');
      expect(heard.at(-1)).to.have.nested.property('error.details[0].reason', 'RESOURCE_NOT_FOUND');
      expect(code).to.equal(4005);
    });

    for (const word of ['nonsense', '{"message":{"nope":1}}', '{"a":{},"b":{}}', '{"start":{"nope":1}}']) {
      it(`refuses ${word}`, async () => {
        const { code } = await talk(open('/v1/rooms/r:chat'), word);
        expect(code).to.equal(4003);
      });
    }

    it('logs what it refuses before it is a call', async () => {
      await talk(open('/v1/rooms/r:chat', JSON_FRAMES, { 'x-request-id': 'no-call' }), 'nonsense');
      const line = () => gateway.logLines.find(({ requestId }) => requestId === 'no-call');
      while (line() === undefined) await new Promise((resolve) => setImmediate(resolve));
      expect(line()).to.include({ msg: 'http request refused', code: 'INVALID_ARGUMENT' });
    });

    it('closes a socket whose frame is too large', async () => {
      const { code } = await talk(open('/v1/rooms/r:chat'), say('x'.repeat(BODY_BYTES_MAX + 100)));
      expect(code).to.equal(1009);
    });

    async function refusal(socket: WebSocket): Promise<number> {
      const [, response] = (await once(socket, 'unexpected-response')) as [
        unknown,
        { statusCode: number; resume(): void },
      ];
      response.resume();
      return response.statusCode;
    }

    it(`ends the call within ${ENDED_MS_MAX} ms when its client goes away`, async () => {
      const measure = async () => {
        let started: () => void = () => undefined;
        const hasStarted = new Promise<void>((resolve) => (started = resolve));
        const ended = new Promise<number>((resolve) => {
          chat = async function* (ctx) {
            started();
            await once(ctx.signal, 'abort');
            resolve(performance.now());
            yield { room: '', text: '' };
          };
        });
        const socket = open('/v1/rooms/r:chat');
        await once(socket, 'open');
        socket.send('{"start":{}}');
        await hasStarted;
        const goneMs = performance.now();
        socket.terminate();
        return (await ended) - goneMs;
      };
      expect(await shortestMs(ENDED_MS_MAX, measure)).to.be.lessThan(ENDED_MS_MAX);
    });

    it('does not write ahead of a client that does not read', async () => {
      let yielded = 0;
      chat = async function* () {
        for (; yielded < 10_000; yielded += 1) yield await Promise.resolve({ room: '', text: 'x'.repeat(10_000) });
      };
      const socket = open('/v1/rooms/r:chat');
      await once(socket, 'open');
      socket.pause();
      socket.send('{"start":{}}');
      let before = -1;
      while (yielded === 0 || yielded !== before) {
        before = yielded;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      expect(yielded).to.be.lessThan(2000);
      socket.terminate();
    });

    it('does not read ahead of a handler that does not read', async () => {
      chat = async function* (ctx) {
        await once(ctx.signal, 'abort');
        yield { room: '', text: '' };
      };
      const socket = open('/v1/rooms/r:chat');
      await once(socket, 'open');
      let sent = 0;
      const big = say('x'.repeat(10_000));
      let before = -1;
      while (sent !== before && sent < 5000) {
        before = sent;
        for (let i = 0; i < 100 && socket.bufferedAmount < 1_000_000; i += 1, sent += 1) socket.send(big);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      expect(sent).to.be.lessThan(5000);
      socket.terminate();
    });

    /** Starts another server and gateway for each test that follows. */
    function startForEach(options: GatewayOptions): void {
      let shared: { server: RpcServer; gateway: StartedGateway };
      beforeEach(async () => {
        shared = { server, gateway };
        await start(options);
      });
      afterEach(async () => {
        await stop();
        ({ server, gateway } = shared);
      });
    }

    context('that is full, or ends', () => {
      startForEach({ webSocketsMax: 2 });

      it('refuses pages of other origins, unknown paths, unknown subprotocols and too many sockets', async () => {
        const path = '/v1/rooms/r:chat';
        expect(await refusal(open(path, JSON_FRAMES, { origin: 'https://evil.example' }))).to.equal(403);
        expect(await refusal(open('/v1/nope'))).to.equal(404);
        expect(await refusal(open(path, 'chat'))).to.equal(400);
        const allowed = [{ origin: 'https://app.example.com' }, { origin: gateway.base }];
        for (const headers of allowed) await once(open(path, JSON_FRAMES, headers), 'open');
        expect(await refusal(open(path))).to.equal(429);
        const refused = () => gateway.logLines.filter(({ msg }) => msg === 'http request refused');
        while (refused().length < 4) await new Promise((resolve) => setImmediate(resolve));
        const lines = refused();
        expect(lines.map(({ code }) => code)).to.deep.equal([
          'PERMISSION_DENIED',
          'NOT_FOUND',
          'INVALID_ARGUMENT',
          'RESOURCE_EXHAUSTED',
        ]);
        expect(lines.at(-1)).to.include({
          msg: 'http request refused',
          protocol: 'http',
          error: 'Too many sockets are open (KEELSON_WEB_SOCKETS_MAX=2)',
        });
      });

      it('ends with UNAVAILABLE when the server drains, and takes no more', async () => {
        chat = async function* (ctx) {
          yield { room: '', text: 'a' };
          await once(ctx.signal, 'abort');
        };
        const talking = talk(open('/v1/rooms/r:chat'), '{"start":{}}');
        while (server.openCalls.size === 0) await new Promise((resolve) => setImmediate(resolve));
        await server.openCalls.drain(1000);
        const { heard, code } = await talking;
        expect(heard.at(-1)).to.have.nested.property('error.status', 'UNAVAILABLE');
        expect(code).to.equal(4014);
      });

      it('closes quiet sockets as going away when the gateway closes', async () => {
        const socket = open('/v1/rooms/r:chat');
        await once(socket, 'open');
        const closed = once(socket, 'close') as Promise<[number]>;
        await gateway.stop();
        expect((await closed)[0]).to.equal(1001);
      });
    });

    context('with short times', () => {
      startForEach({ requestTimeoutMs: 300, heartbeatMs: 50 });

      it('closes a socket on which nothing is said in time', async () => {
        expect((await talk(open('/v1/rooms/r:chat'))).code).to.equal(4004);
      });

      it('cuts a client that does not answer a ping', async () => {
        const raw = connect(gateway.port, '127.0.0.1');
        const key = Buffer.alloc(16).toString('base64');
        raw.write(
          `GET /v1/rooms/r:chat HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n` +
            `sec-websocket-version: 13\r\nsec-websocket-key: ${key}\r\nsec-websocket-protocol: ${JSON_FRAMES}\r\n\r\n`,
        );
        raw.on('error', () => undefined);
        raw.resume();
        await once(raw, 'close');
      });
    });
  });
});
