import { expect } from 'chai';
import { once } from 'node:events';
import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { frame, readFrames } from '../../src/gateway/http/frames.js';
import { dynamicService } from '../support/dynamic-service.js';
import { onEachGateway, startGatewayOf, type StartedGateway } from '../support/on-each-gateway.js';
import { startRpcServerWith, type RpcServer } from '../support/rpc-server.js';
import { fixtureRegistry } from '../unit/gateway/fixture.js';

const TIMEOUT_MS = 200;
const STEP_MS = 50;
/** Enough steps for three times the time that a whole body may take. */
const STEPS = 12;

interface Line {
  readonly room: string;
  readonly text: string;
}

const CHAT = {
  async collect(_ctx: unknown, lines: AsyncIterable<Line>) {
    let count = 0;
    for await (const { text } of lines) count += text.length;
    return { text: String(count).padStart(2, '0') };
  },
  async *chat(_ctx: unknown, lines: AsyncIterable<Line>) {
    for (let i = 0; i < STEPS; i += 1) {
      await wait(STEP_MS);
      yield { text: 'a' };
    }
    yield* lines;
  },
};

describe('the HTTP gateway, given a request that takes its time', () => {
  onEachGateway((kind) => {
    let server: RpcServer;
    let gateway: StartedGateway;
    let port: number;

    before(async () => {
      const registry = fixtureRegistry();
      const services = [
        dynamicService(registry, 'fixtures.v1.ChatService', CHAT as never),
        dynamicService(registry, 'fixtures.v1.ThingService', {}),
      ];
      server = await startRpcServerWith({ registry, services });
      gateway = await startGatewayOf(kind, server, { requestTimeoutMs: TIMEOUT_MS });
      ({ port } = gateway);
    });

    after(async () => {
      await gateway?.close();
      await server?.close();
    });

    function open(method: string, contentType: string): ClientRequest {
      return httpRequest({
        host: '127.0.0.1',
        port,
        method: 'POST',
        path: `/fixtures.v1.${method}`,
        headers: { 'content-type': contentType },
      });
    }

    async function read(client: ClientRequest): Promise<{ status: number | undefined; text: string }> {
      const [response] = (await once(client, 'response')) as [IncomingMessage];
      const chunks = (await response.toArray()) as Buffer[];
      return { status: response.statusCode, text: Buffer.concat(chunks).toString() };
    }

    const forms = [
      ['Connect', 'application/connect+proto', '\x12\x0212'],
      ['gRPC-Web', 'application/grpc-web+proto', '\x12\x0212'],
    ] as const;

    for (const [protocol, contentType, answer] of forms) {
      it(`takes a stream of ${protocol} for as long as it goes on`, async () => {
        const client = open('ChatService/Collect', contentType);
        const answered = read(client);
        for (let i = 0; i < STEPS; i += 1) {
          client.write(frame(0, Buffer.from([0x12, 1, 0x61])));
          await wait(STEP_MS);
        }
        client.end();
        const { status, text } = await answered;
        expect(status).to.equal(200);
        expect(text).to.include(answer);
      });

      it(`ends a stream of ${protocol} that has gone silent, in its own words`, async () => {
        const client = open('ChatService/Collect', contentType);
        const answered = read(client);
        client.write(frame(0, Buffer.from([0x12, 1, 0x61])));
        const { status, text } = await answered;
        expect(status).to.equal(200);
        expect(text).to.include('Nothing more of the request came in time');
        client.destroy();
      });
    }

    it('does not take for silence that only the server speaks', async () => {
      const client = open('ChatService/Chat', 'application/connect+proto');
      const answered = read(client);
      client.flushHeaders();
      await wait(STEPS * STEP_MS);
      client.end(frame(0, Buffer.from([0x12, 1, 0x62])));
      const { text } = await answered;
      const frames = [];
      for await (const { flags, payload } of readFrames(bytesOf(text), 1000)) {
        frames.push(flags === 0 ? payload.toString() : JSON.parse(payload.toString()));
      }
      expect(frames.slice(-2)).to.deep.equal(['\x12\x01b', {}]);
      expect(frames).to.have.length(STEPS + 2);
    });

    it('cuts a connection that goes on and on after its call was answered', async () => {
      const socket = connect(port, '127.0.0.1');
      const closed = closeOf(socket);
      socket.on('error', () => undefined);
      socket.resume();
      socket.write('POST /nope HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n');
      const timer = setInterval(() => socket.write('1\r\nx\r\n'), STEP_MS);
      await closed;
      clearInterval(timer);
    });

    const slow = [
      ['a head', 'GET / HTTP/1.1\r\nhost: '],
      [
        'a JSON body',
        'POST /v1/everything/a:check HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n',
      ],
      [
        'a unary body of Connect',
        'POST /fixtures.v1.ThingService/GetThing HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n',
      ],
    ] as const;
    for (const [what, head] of slow) {
      it(`answers 408 to ${what} that comes byte by byte`, async () => {
        const socket = connect(port, '127.0.0.1');
        const chunks: Buffer[] = [];
        socket.on('data', (chunk: Buffer) => chunks.push(chunk));
        socket.on('error', () => undefined);
        const closed = closeOf(socket);
        socket.write(head);
        const timer = setInterval(() => socket.write(' '), STEP_MS);
        await closed;
        clearInterval(timer);
        expect(Buffer.concat(chunks).toString()).to.match(/^HTTP\/1\.1 408 /);
      });
    }
  });
});

async function* bytesOf(text: string): AsyncGenerator<Buffer> {
  yield await Promise.resolve(Buffer.from(text));
}

/** Unlike once(), does not reject where a reset comes first, which is one way of being cut. */
function closeOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => resolve());
  });
}
