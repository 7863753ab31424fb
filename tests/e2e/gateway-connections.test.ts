import { expect } from 'chai';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { ServiceError } from '../../src/rpc/errors.js';
import { deferred } from '../support/deferred.js';
import { dynamicService } from '../support/dynamic-service.js';
import { onEachGateway, startGatewayOf, type StartedGateway } from '../support/on-each-gateway.js';
import { startRpcServerWith, type RpcServer } from '../support/rpc-server.js';
import { shortestMs } from '../support/shortest.js';
import { fixtureRegistry } from '../unit/gateway/fixture.js';
import { closeGatewaysApart, startGateway, type Recorder, type RunningGateway } from './gateway-harness.js';

interface RawAnswer {
  readonly status: number;
  readonly headers: string;
  readonly body: string;
}

const JSON_OF_7_BYTES = ['content-type: application/json', 'content-length: 7'];

/** Writes bytes to the server as they are and reads until it closes. */
async function sendRaw(port: number, text: string): Promise<RawAnswer> {
  const socket = connect(port, '127.0.0.1');
  socket.write(text);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(socket, 'close');
  const [headers = '', body = ''] = Buffer.concat(chunks).toString().split('\r\n\r\n');
  return { status: Number(headers.split(' ')[1]), headers, body };
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  return new Promise((resolve) => {
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

const ABORTED_MS_MAX = 50;

describe('the connections of the HTTP gateway', () => {
  onEachGateway((kind) => {
    after(closeGatewaysApart);
    let running: RunningGateway;
    let recorder: Recorder;
    let call: RunningGateway['call'];
    let port: number;

    beforeEach(async () => {
      running = await startGateway();
      ({ recorder, call, port } = running);
    });

    afterEach(() => running.gateway.close(0));

    it(`aborts the call within ${ABORTED_MS_MAX} ms when its client goes away`, async () => {
      const measure = async () => {
        recorder.calls.length = 0;
        const aborted = new Promise<number>((resolve) => {
          recorder.answer = (incoming) =>
            new Promise((_resolve, reject) => {
              incoming.signal.addEventListener('abort', () => {
                resolve(performance.now());
                reject(new ServiceError('CALL_CANCELLED', 'Gone'));
              });
            });
        });
        const client = httpRequest(`${running.base}/v1/things/a`);
        client.on('error', () => {});
        client.end();
        while (recorder.calls.length === 0) await new Promise((resolve) => setImmediate(resolve));
        const goneMs = performance.now();
        client.destroy();
        return (await aborted) - goneMs;
      };
      expect(await shortestMs(ABORTED_MS_MAX, measure)).to.be.lessThan(ABORTED_MS_MAX);
    });

    it('does not abort a call that ends well', async () => {
      await call('/v1/things/a');
      // By the time of a second answer, the first is closed.
      await call('/v1/things/a');
      expect(recorder.calls[0]?.call.signal.aborted).to.equal(false);
    });

    context('given bytes that a careful client does not send', () => {
      const crlf = (...lines: string[]) => `${lines.join('\r\n')}\r\n\r\n`;

      it('answers what is no HTTP in the form of every error', async () => {
        const { status, headers, body } = await sendRaw(port, 'nonsense\r\n\r\n');
        expect(status).to.equal(400);
        expect(headers).to.include('content-type: application/json');
        expect(JSON.parse(body)).to.have.nested.property('error.message', 'Request is not valid HTTP');
      });

      it('answers 431 to headers that are too large', async () => {
        const { status, body } = await sendRaw(port, crlf('GET / HTTP/1.1', 'host: a', `x: ${'y'.repeat(20_000)}`));
        expect(status).to.equal(431);
        expect(body).to.include('Request headers are too large');
      });

      it('serves a request that offers another protocol as it is', async () => {
        const offer = [
          'connection: Upgrade, HTTP2-Settings, close',
          'upgrade: h2c',
          'http2-settings: AAMAAABkAAQAoAAA',
        ];
        const got = await sendRaw(port, crlf('GET /v1/one/b HTTP/1.1', 'host: x', ...offer));
        expect(got.body).to.equal('{"text":"b"}');
        const head = crlf('POST /v1/everything/a:check HTTP/1.1', 'host: x', ...offer, ...JSON_OF_7_BYTES);
        expect((await sendRaw(port, `${head}{"a":1}`)).status).to.equal(400);
        expect((await sendRaw(port, `${head}{     }`)).body).to.equal('{"text":"a"}');
      });

      it('reads the absolute form of a target', async () => {
        const absolute = await sendRaw(port, crlf('GET http://x/v1/one/b HTTP/1.1', 'host: x', 'connection: close'));
        expect(absolute.body).to.equal('{"text":"b"}');
      });

      it('refuses a target that is no path', async () => {
        const { status } = await sendRaw(port, crlf('OPTIONS * HTTP/1.1', 'host: x', 'connection: close'));
        expect(status).to.equal(400);
      });

      it('refuses a body for its announced size without asking for it', async () => {
        const head = ['POST /v1/everything/a:check HTTP/1.1', 'host: x', 'content-type: application/json'];
        const socket = connect(port, '127.0.0.1');
        socket.write(crlf(...head, 'content-length: 5000', 'expect: 100-continue'));
        const [first] = (await once(socket, 'data')) as [Buffer];
        expect(first.toString()).to.match(/^HTTP\/1\.1 413 /);
        socket.destroy();
      });

      it('answers a body that is too large while it still comes, and goes on to the next request', async () => {
        const head = ['POST /v1/everything/a:check HTTP/1.1', 'host: x', 'content-type: application/json'];
        const socket = connect(port, '127.0.0.1');
        socket.write(crlf(...head, 'content-length: 5000000'));
        const [first] = (await once(socket, 'data')) as [Buffer];
        expect(first.toString()).to.match(/^HTTP\/1\.1 413 /);
        socket.write('x'.repeat(5_000_000));
        socket.write(crlf('GET /healthz HTTP/1.1', 'host: x'));
        const [second] = (await once(socket, 'data')) as [Buffer];
        expect(second.toString()).to.match(/^HTTP\/1\.1 200 /);
        socket.destroy();
      });

      it('asks for a body that it will read', async () => {
        const head = ['POST /v1/everything/a:check HTTP/1.1', 'host: x', 'content-type: application/json'];
        const socket = connect(port, '127.0.0.1');
        socket.write(crlf(...head, 'content-length: 2', 'expect: 100-continue'));
        const [first] = (await once(socket, 'data')) as [Buffer];
        expect(first.toString()).to.match(/^HTTP\/1\.1 100 /);
        socket.write('{}');
        const [second] = (await once(socket, 'data')) as [Buffer];
        expect(second.toString()).to.match(/^HTTP\/1\.1 200 /);
        socket.destroy();
      });

      it('stops at the first byte beyond the limit of a body of unknown length', async () => {
        const head = ['POST /v1/everything/a:check HTTP/1.1', 'host: x', 'content-type: application/json'];
        const socket = connect(port, '127.0.0.1');
        socket.write(crlf(...head, 'transfer-encoding: chunked'));
        socket.write(`3ea\r\n${'x'.repeat(0x3ea)}\r\n`);
        const [first] = (await once(socket, 'data')) as [Buffer];
        expect(first.toString()).to.match(/^HTTP\/1\.1 413 /);
        socket.destroy();
      });
    });

    context('when it closes', () => {
      let server: RpcServer;
      let gateway: StartedGateway;
      let getThing: () => Promise<object>;
      let calls: number;

      beforeEach(async () => {
        calls = 0;
        const registry = fixtureRegistry();
        const handlers = {
          getThing: () => {
            calls += 1;
            return getThing();
          },
        };
        const services = [dynamicService(registry, 'fixtures.v1.ThingService', handlers as never)];
        server = await startRpcServerWith({ registry, services });
        gateway = await startGatewayOf(kind, server);
      });

      afterEach(async () => {
        await gateway.close();
        await server.close();
      });

      const getA = () => fetch(`${gateway.base}/v1/things/a`);

      /** Begins a call, and gives what ends it. */
      async function beginCall(): Promise<{ answer: Promise<Response>; finish: () => void }> {
        const held = deferred<object>();
        getThing = () => held.promise;
        const answer = getA();
        while (calls === 0) await new Promise((resolve) => setImmediate(resolve));
        return { answer, finish: () => held.resolve({ name: 'things/a' }) };
      }

      async function stopped(): Promise<void> {
        while (await isListening(gateway.port)) await new Promise((resolve) => setImmediate(resolve));
      }

      it('finishes the running requests, and their connections with them', async () => {
        const { answer, finish } = await beginCall();
        const closed = gateway.stop();
        await stopped();
        finish();
        const { status, headers } = await answer;
        expect(status).to.equal(200);
        expect(headers.get('connection')).to.equal('close');
        await closed;
      });

      it('serves a request that comes on an open connection while it closes', async () => {
        const { answer, finish } = await beginCall();
        const late = connect(gateway.port, '127.0.0.1');
        // A part of a request, so that the connection is not idle.
        late.write('GET /healthz HTTP/1.1\r\n');
        expect((await fetch(`${gateway.base}/healthz`)).status).to.equal(200);
        const closed = gateway.stop();
        await stopped();
        late.write('host: x\r\n\r\n');
        const [bytes] = (await once(late, 'data')) as [Buffer];
        expect(bytes.toString()).to.match(/^HTTP\/1\.1 200 [\s\S]*connection: close/i);
        finish();
        expect((await answer).status).to.equal(200);
        await closed;
      });

      it('does not wait for connections that are idle', async () => {
        const idle = connect(gateway.port, '127.0.0.1');
        idle.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
        await once(idle, 'data');
        await Promise.all([once(idle, 'close'), gateway.stop()]);
      });

      it('ends what is left when the time to close is over', async () => {
        const { answer } = await beginCall();
        // A call that is cut has no answer; one that the call path still ends has an error.
        const outcome = answer.then(
          ({ status }) => status,
          () => 503,
        );
        await gateway.stop();
        expect(await outcome).to.equal(503);
      });
    });
  });
});
