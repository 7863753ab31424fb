import { fromBinary, toJson, type JsonValue } from '@bufbuild/protobuf';
import { expect } from 'chai';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { createHttpGateway, DEFAULT_HTTP_LIMITS, type HttpGateway } from '../../src/gateway/http-server.js';
import type { Dispatcher, IncomingCall } from '../../src/rpc/call.js';
import { ServiceError } from '../../src/rpc/errors.js';
import { ContractError, type Method } from '../../src/rpc/method-table.js';
import { toStatusError } from '../../src/rpc/status.js';
import { aTable, fixtureRegistry } from '../unit/gateway/fixture.js';

type Answer = (call: IncomingCall, request: Uint8Array, method: Method) => Promise<Uint8Array>;

/** Stands in for the call path: keeps what arrived and answers as the test says. */
class Recorder {
  calls: { method: string; request: JsonValue; call: IncomingCall }[] = [];
  answer: Answer = (_call, request) => Promise.resolve(request);

  get dispatcher(): Dispatcher {
    const unary: Dispatcher['unary'] = async (method, call, request) => {
      const { input, name } = method.descriptor;
      const registry = fixtureRegistry();
      this.calls.push({ method: name, request: toJson(input, fromBinary(input, request), { registry }), call });
      try {
        return await this.answer(call, request, method);
      } catch (err) {
        throw toStatusError(err, 'r');
      }
    };
    return { unary } as Dispatcher;
  }
}

interface RawAnswer {
  readonly status: number;
  readonly headers: string;
  readonly body: string;
}

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

describe('the HTTP gateway', () => {
  const log: object[] = [];
  let recorder: Recorder;
  let gateway: HttpGateway;
  let base: string;
  let port: number;
  let isReady = true;

  beforeEach(async () => {
    recorder = new Recorder();
    log.length = 0;
    const keep = (line: object) => log.push(line);
    gateway = createHttpGateway({
      table: aTable(),
      dispatcher: recorder.dispatcher,
      log: { info: keep, error: keep } as never,
      isReady: () => isReady,
      serverInfo: { name: 'keelson', version: '1.2.3' },
      allowedOrigins: ['https://app.example.com'],
      limits: { ...DEFAULT_HTTP_LIMITS, bodyBytesMax: 1000, requestTimeoutMs: 2000 },
    });
    ({ port } = await gateway.listen({ host: '127.0.0.1', port: 0 }));
    base = `http://127.0.0.1:${port}`;
  });

  afterEach(async () => {
    await gateway.close(0);
  });

  async function call(path: string, init: RequestInit = {}) {
    const response = await fetch(`${base}${path}`, init);
    const text = await response.text();
    const json = text.startsWith('{') || text.startsWith('[') ? (JSON.parse(text) as Record<string, never>) : undefined;
    return { status: response.status, headers: response.headers, text, json };
  }

  const post = (body: string, type = 'application/json'): RequestInit => ({
    method: 'POST',
    body,
    headers: { 'content-type': type },
  });

  it('passes a call to the call path and gives its answer as JSON', async () => {
    const { status, headers, json } = await call('/v1/one/a%2Fb?int32Value=7', {
      headers: { authorization: 'Bearer t', 'x-request-id': 'r-7', 'grpc-timeout': '250m' },
    });
    expect(status).to.equal(200);
    expect(json).to.deep.equal({ text: 'a/b', int32Value: 7 });
    expect(headers.get('content-type')).to.match(/^application\/json/);
    expect(headers.get('x-request-id')).to.equal('r-7');
    expect(headers.get('cache-control')).to.equal('no-store');
    expect(headers.get('x-content-type-options')).to.equal('nosniff');
    const [made] = recorder.calls;
    expect(made).to.deep.include({ method: 'EchoOne', request: { text: 'a/b', int32Value: 7 } });
    expect(made?.call).to.include({ protocol: 'http', timeoutMs: 250 });
    expect(made?.call.peer).to.match(/^127\.0\.0\.1:\d+$/);
    expect(made?.call.metadata.get('authorization')).to.equal('Bearer t');
  });

  it('sends metadata of the answer back, with errors too', async () => {
    recorder.answer = (incoming) => {
      incoming.responseMetadata.add('x-keelson-token', '7');
      throw new ServiceError('RESOURCE_NOT_FOUND', 'Cannot get it', { resource: { type: 'Thing', name: 'things/a' } });
    };
    const { status, headers, json } = await call('/v1/things/a');
    expect(status).to.equal(404);
    expect(headers.get('x-keelson-token')).to.equal('7');
    expect(json).to.have.nested.property('error.status', 'NOT_FOUND');
    expect(json).to.have.nested.property('error.details[1].resourceName', 'things/a');
  });

  it('writes enums as numbers and for people when asked', async () => {
    expect((await call('/v1/things/a?prettyPrint')).text).to.equal('{\n  "name": "things/a"\n}\n');
    const { json } = await call('/v1/one/a?enumValue=COLOR_BLUE&$alt=json;enum-encoding=int');
    expect(json).to.deep.equal({ text: 'a', enumValue: 2 });
  });

  it('gives a field that is the whole answer, even at its default', async () => {
    recorder.answer = () => Promise.resolve(new Uint8Array());
    expect((await call('/v1/names')).text).to.equal('[]');
    recorder.answer = () => Promise.resolve(Buffer.from([0x12, 1, 0x61]));
    expect((await call('/v1/names')).text).to.equal('["a"]');
  });

  it('answers HEAD as GET without a body, and OPTIONS with what is allowed', async () => {
    const head = await call('/v1/things/a', { method: 'HEAD' });
    expect(head).to.include({ status: 200, text: '' });
    expect(head.headers.get('content-length')).to.equal(String('{"name":"things/a"}'.length));
    const options = await call('/v1/things/a', { method: 'OPTIONS' });
    expect(options.status).to.equal(204);
    expect(options.headers.get('allow')).to.equal('DELETE, GET, HEAD, LOCK, OPTIONS, PATCH');
  });

  it('lets pages of a listed origin in, errors and preflights included', async () => {
    const headers = { origin: 'https://app.example.com', 'access-control-request-method': 'PATCH' };
    const preflight = await call('/v1/things/a', { method: 'OPTIONS', headers });
    expect(preflight.status).to.equal(204);
    expect(preflight.headers.get('access-control-allow-methods')).to.include('PATCH');
    const error = await call('/nope', { headers });
    expect(error.headers.get('access-control-allow-origin')).to.equal('https://app.example.com');
    expect(error.headers.get('access-control-expose-headers')).to.include('x-request-id');
  });

  it('serves custom HTTP methods', async () => {
    expect((await call('/v1/things/a', { method: 'LOCK' })).status).to.equal(200);
    expect(recorder.calls[0]?.method).to.equal('LockThing');
  });

  it('has pages of its own: the root, the probes and the documentation', async () => {
    const root = await call('/');
    expect(root.text).to.include('keelson 1.2.3').and.include('/healthz').and.include('/v1/{name=things/*}');
    expect((await call('/healthz')).json).to.deep.equal({ status: 'alive' });
    expect((await call('/readyz')).status).to.equal(200);
    isReady = false;
    expect((await call('/readyz')).status).to.equal(503);
    isReady = true;
    const docs = await call('/docs');
    expect(docs.headers.get('content-security-policy')).to.match(/^default-src 'none'; style-src 'sha256-/);
    expect(docs.text).to.include('Gets a <code>thing</code> &lt;by name&gt;.').and.include('things.things.get');
    expect(docs.text).not.to.match(/<script|https?:\/\//);
  });

  const refused: readonly (readonly [what: string, path: string, init: RequestInit, status: number, text: RegExp])[] = [
    ['an unknown path', '/nope', {}, 404, /Nothing is served at this path/],
    ['a hidden method', '/fixtures.v1.ThingService/HiddenThing', post('{}'), 404, /Nothing is served/],
    [
      'a method that the path does not take',
      '/v1/things',
      { method: 'PUT' },
      405,
      /expected one of GET, HEAD, OPTIONS/,
    ],
    ['a malformed escape', '/v1/things/%zz', {}, 400, /Path is not percent-encoded UTF-8/],
    ['a malformed query', '/v1/things?a=%zz', {}, 400, /Query is not percent-encoded UTF-8/],
    ['an unknown parameter', '/v1/things?nope=1', {}, 400, /nope: is not a query parameter/],
    ['an unknown system parameter', '/v1/things?$nope=1', {}, 400, /is not a system parameter/],
    ['an unknown form', '/v1/things?$alt=proto', {}, 400, /must be \\"json\\"/],
    ['malformed JSON', '/v1/everything/a:check', post('{'), 400, /Body is not JSON: expected a name/],
    [
      'bytes that are no UTF-8',
      '/v1/everything/a:check',
      { ...post(''), body: Buffer.from([0x22, 0xff, 0x22]) },
      400,
      /Body is not JSON in UTF-8/,
    ],
    ['a form', '/v1/everything/a:check', post('a=b', 'application/x-www-form-urlencoded'), 415, /send JSON with/],
    ['text', '/v1/everything/a:check', post('{}', 'text/plain'), 415, /unknown content type/],
    ['a malformed content type', '/v1/everything/a:check', post('{}', 'nonsense'), 415, /unknown content type/],
    ['another charset', '/v1/everything/a:check', post('{}', 'application/json; charset=latin1'), 415, /content type/],
    [
      'a compressed body',
      '/v1/everything/a:check',
      { method: 'POST', body: 'x', headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' } },
      415,
      /compressed/,
    ],
    [
      'a body where none is read',
      '/v1/things/a',
      { method: 'DELETE', body: '{"etag":"e"}' },
      400,
      /Body must be empty/,
    ],
    ['a body beyond the limit', '/v1/everything/a:check', post(`"${'x'.repeat(1000)}"`), 413, /larger than 1000 bytes/],
    [
      'a malformed timeout',
      '/v1/things/a',
      { headers: { 'grpc-timeout': '1x' } },
      400,
      /Header \\"grpc-timeout\\" is not a duration/,
    ],
  ];
  for (const [what, path, init, status, text] of refused) {
    it(`refuses ${what} with ${status} in the form of every error`, async () => {
      const answer = await call(path, init);
      expect(answer.status).to.equal(status);
      expect(answer.text)
        .to.match(text)
        .and.not.match(/FST_ERR|fastify|Error:|node:/i);
      expect(answer.json).to.have.nested.property('error.code', status);
      expect(answer.headers.get('x-request-id')).to.be.a('string');
      expect(recorder.calls).to.have.length(0);
      expect(log).to.have.length(1);
    });
  }

  it('names what a path takes in Allow', async () => {
    expect((await call('/v1/things', { method: 'PUT' })).headers.get('allow')).to.equal('GET, HEAD, OPTIONS');
  });

  it('hides what was not made for callers, and logs it', async () => {
    recorder.answer = () => Promise.resolve(Buffer.from([0xff, 0xff]));
    const { status, text } = await call('/v1/things/a');
    expect(status).to.equal(500);
    expect(text)
      .to.match(/Internal error \(request [0-9a-f-]+\)/)
      .and.not.match(/varint|wire|offset/);
    expect(log).to.have.length(1).and.to.have.nested.property('[0].err');
  });

  it('takes long paths and many segments', async () => {
    const id = 'x'.repeat(4000);
    expect((await call(`/v1/one/${id}`)).json).to.deep.equal({ text: id });
    const deep = 'a/'.repeat(1000);
    expect((await call(`/v1/many/${deep}`)).json).to.deep.equal({ text: deep });
  });

  it('aborts the call within 50 ms when its client goes away', async () => {
    const aborted = new Promise<number>((resolve) => {
      recorder.answer = (incoming) =>
        new Promise((_resolve, reject) => {
          incoming.signal.addEventListener('abort', () => {
            resolve(performance.now());
            reject(new ServiceError('CALL_CANCELLED', 'Gone'));
          });
        });
    });
    const client = httpRequest(`${base}/v1/things/a`);
    client.on('error', () => {});
    client.end();
    while (recorder.calls.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const goneMs = performance.now();
    client.destroy();
    expect((await aborted) - goneMs).to.be.lessThan(50);
  });

  it('does not abort a call that ends well', async () => {
    await call('/v1/things/a');
    // By the time of a second answer, the first is closed.
    await call('/v1/things/a');
    expect(recorder.calls[0]?.call.signal.aborted).to.equal(false);
  });

  it('finishes the running requests when it closes, and their connections with them', async () => {
    let finish: (() => void) | undefined;
    recorder.answer = (_call, request) => new Promise((resolve) => (finish = () => resolve(request)));
    const answer = call('/v1/things/a');
    while (finish === undefined) await new Promise((resolve) => setImmediate(resolve));
    const closed = gateway.close();
    while (await isListening(port)) await new Promise((resolve) => setImmediate(resolve));
    finish();
    const { status, headers } = await answer;
    expect(status).to.equal(200);
    expect(headers.get('connection')).to.equal('close');
    await closed;
  });

  it('cuts what is left when the time to close is over', async () => {
    recorder.answer = () => new Promise(() => {});
    const answer = call('/v1/things/a').then(
      () => 'answered',
      () => 'cut',
    );
    while (recorder.calls.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await gateway.close(20);
    expect(await answer).to.equal('cut');
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
});

describe('createHttpGateway()', () => {
  it('throws a ContractError where the rules cannot be served', () => {
    const deps = { dispatcher: {} as Dispatcher, log: {} as never, isReady: () => true };
    const serverInfo = { name: 'keelson', version: '1' };
    expect(() => createHttpGateway({ ...deps, serverInfo, table: aTable(['BrokenService']) })).to.throw(ContractError);
  });
});
