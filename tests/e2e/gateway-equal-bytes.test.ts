import { expect } from 'chai';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { gzipSync } from 'node:zlib';
import { WebSocket } from 'ws';
import { frame } from '../../src/gateway/http/frames.js';
import type { CallContext } from '../../src/rpc/context.js';
import { ServiceError } from '../../src/rpc/errors.js';
import type { IncomingCall } from '../../src/rpc/call.js';
import { dynamicService } from '../support/dynamic-service.js';
import { GATEWAYS, startGatewayOf, type StartedGateway } from '../support/on-each-gateway.js';
import { startRpcServerWith, type RpcServer } from '../support/rpc-server.js';
import { fixtureRegistry } from '../unit/gateway/fixture.js';

const START_MS_MAX = 60_000;
const BODY_BYTES_MAX = 100_000;
const ORIGIN = 'https://app.example.com';
const JSON_TYPE = { 'content-type': 'application/json' };
const FORM_TYPE = { 'content-type': 'multipart/form-data; boundary=b' };

interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** All that a client sees of an answer, but for the date. */
interface Seen {
  readonly status: number | undefined;
  readonly headers: readonly string[];
  readonly trailers: readonly string[];
  readonly body: string;
}

async function see(
  { port }: StartedGateway,
  path: string,
  { method = 'GET', headers = {}, body }: Sent,
): Promise<Seen> {
  const all = { 'x-request-id': 'r-1', ...headers, ...(body !== undefined && { 'content-length': body.length }) };
  const client = httpRequest({ host: '127.0.0.1', port, path, method, headers: all, agent: false });
  client.end(body);
  const [response] = (await once(client, 'response')) as [IncomingMessage];
  const chunks = (await response.toArray()) as Buffer[];
  const pairs = response.rawHeaders.flatMap((name, at, raw) => (at % 2 === 0 ? [`${name}: ${raw[at + 1] ?? ''}`] : []));
  return {
    status: response.statusCode,
    headers: pairs.filter((pair) => !pair.toLowerCase().startsWith('date: ')),
    trailers: response.rawTrailers,
    body: Buffer.concat(chunks).toString('latin1'),
  };
}

type Row = readonly [what: string, status: number, path: string, sent?: Sent];

const post = (body: string | Buffer, headers: Readonly<Record<string, string>> = JSON_TYPE): Sent => ({
  method: 'POST',
  headers,
  body,
});
const accept = (type: string, headers: Readonly<Record<string, string>> = {}): Sent => ({
  headers: { accept: type, ...headers },
});
const part = (disposition: string, body: string) => `--b\r\ncontent-disposition: ${disposition}\r\n\r\n${body}\r\n`;
const file = part('form-data; name="f"; filename="a.txt"', 'hello');

const REST: readonly Row[] = [
  ['a call', 200, '/v1/things/a'],
  ['a call for people, in parts', 200, '/v1/things/a?$prettyPrint&$fields=name,place.cityName'],
  [
    'every kind of field',
    200,
    '/v1/one/%25%2F%3F?int64Value=-9&bytesValue=aGk&labels[a%5D]=b&numbers=1&numbers=2&duration=1.5s',
  ],
  ['a path of many segments', 200, '/v1/many/a//b%2Fc/'],
  ['a body', 200, '/v1/everything/x:check', post('{"doubleValue":"NaN","int64Value":"7","struct":{"a":[1,null]}}')],
  [
    'a compressed body',
    200,
    '/v1/everything/x:check',
    post(gzipSync('{}'), { ...JSON_TYPE, 'content-encoding': 'gzip' }),
  ],
  ['a large answer in brotli', 200, `/v1/one/${'x'.repeat(3000)}`, { headers: { 'accept-encoding': 'br' } }],
  ['HEAD', 200, '/v1/things/a', { method: 'HEAD' }],
  ['OPTIONS', 204, '/v1/things/a', { method: 'OPTIONS' }],
  [
    'a preflight',
    204,
    '/v1/things/a',
    { method: 'OPTIONS', headers: { origin: ORIGIN, 'access-control-request-method': 'PATCH' } },
  ],
  ['a page of another origin', 200, '/v1/things/a', { headers: { origin: 'https://evil.example' } }],
  ['a method that is not there', 405, '/v1/things/a', { method: 'PUT' }],
  ['an unknown path', 404, '/v1//things/a'],
  ['a version that is known', 304, '/v1/things/a', { headers: { 'if-none-match': 'W/"e1"' } }],
  ['a version that has passed', 412, '/v1/things/a', { method: 'DELETE', headers: { 'if-match': '"e0"' } }],
  ['a failure with details and metadata', 404, '/v1/things/none'],
  ['a failure that says when to come back', 429, '/v1/things/busy'],
  ['a failure that nobody expected', 500, '/v1/things/broken'],
  [
    'a mask that is inferred',
    200,
    '/v1/things/a',
    { method: 'PATCH', headers: JSON_TYPE, body: '{"displayName":"B"}' },
  ],
  ['unknown fields', 400, '/v1/everything/x:check', post('{"nope":1,"place":{"city":2}}')],
  ['a body that is too large', 413, '/v1/everything/x:check', post(Buffer.alloc(BODY_BYTES_MAX + 1, ' '))],
  ['the list of routes', 200, '/'],
];

const STREAMS: readonly Row[] = [
  ['a stream as an array', 200, '/v1/things:watch'],
  ['a stream as lines', 200, '/v1/things:watch', accept('application/x-ndjson')],
  ['a stream as events', 200, '/v1/things:watch', accept('text/event-stream', { 'last-event-id': 't7' })],
  [
    'a stream as compressed events',
    200,
    '/v1/things:watch',
    accept('text/event-stream', { 'accept-encoding': 'gzip' }),
  ],
  ['a stream that fails on its way, as an array', 200, '/v1/things:watch?resumeToken=fail'],
  [
    'a stream that fails on its way, as lines',
    200,
    '/v1/things:watch?resumeToken=fail',
    accept('application/x-ndjson'),
  ],
  ['a stream that fails on its way, as events', 200, '/v1/things:watch?resumeToken=fail', accept('text/event-stream')],
  ['a stream that fails at once', 503, '/v1/things:watch?resumeToken=drain', accept('text/event-stream')],
  ['HEAD of a stream', 200, '/v1/things:watch', { method: 'HEAD' }],
];

const FILES: readonly Row[] = [
  ['a file', 200, '/v1/files/a'],
  ['a part of a file', 206, '/v1/files/a', { headers: { range: 'bytes=-3' } }],
  ['a part that is not there', 416, '/v1/files/a', { headers: { range: 'bytes=99-' } }],
  ['a file in pieces', 200, '/v1/files/a:download'],
  ['an upload', 200, '/v1/files/a:upload?title=t', post('bytes', { 'content-type': 'image/png' })],
  ['a form', 200, '/v1/files/a:upload', post(`${part('form-data; name="title"', 'T')}${file}--b--\r\n`, FORM_TYPE)],
  ['a form that breaks off', 400, '/v1/files/a:upload', post(file, FORM_TYPE)],
  [
    'a form with an unknown field',
    400,
    '/v1/files/a:upload',
    post(`${part('form-data; name="no"', '')}${file}--b--\r\n`, FORM_TYPE),
  ],
];

const GET_THING = '/fixtures.v1.ThingService/GetThing';
const WATCH = '/fixtures.v1.ThingWatcher/WatchThings';
const CHAT = '/fixtures.v1.ChatService/Chat';
const bytes = (text: string) => Buffer.from([0x0a, text.length, ...Buffer.from(text)]);
const lines = Buffer.concat([frame(0, Buffer.from('{"text":"a"}')), frame(0, Buffer.from('{"text":"b"}'))]);

const RPC: readonly Row[] = [
  ['Connect', 200, GET_THING, post('{"name":"things/a"}')],
  ['Connect by GET', 200, `${GET_THING}?connect=v1&encoding=json&message=${encodeURIComponent('{"name":"things/a"}')}`],
  ['Connect in binary', 200, GET_THING, post(bytes('things/a'), { 'content-type': 'application/proto' })],
  ['a failure of Connect', 404, GET_THING, post('{"name":"things/none"}')],
  [
    'a stream of Connect',
    200,
    WATCH,
    post(frame(0, Buffer.from('{}')), { 'content-type': 'application/connect+json' }),
  ],
  [
    'a failure in a stream of Connect',
    200,
    WATCH,
    post(frame(0, Buffer.from('{"resumeToken":"fail"}')), { 'content-type': 'application/connect+json' }),
  ],
  ['both directions of Connect', 200, CHAT, post(lines, { 'content-type': 'application/connect+json' })],
  ['gRPC-Web', 200, GET_THING, post(frame(0, bytes('things/a')), { 'content-type': 'application/grpc-web+proto' })],
  [
    'a failure of gRPC-Web',
    200,
    GET_THING,
    post(frame(0, bytes('things/none')), { 'content-type': 'application/grpc-web+proto' }),
  ],
  [
    'gRPC-Web as text',
    200,
    GET_THING,
    post(frame(0, bytes('things/a')).toString('base64'), { 'content-type': 'application/grpc-web-text' }),
  ],
  ['both directions of gRPC-Web', 200, CHAT, post(lines, { 'content-type': 'application/grpc-web+json' })],
];

describe('a gateway in front of a server', function () {
  this.timeout(START_MS_MAX);
  let server: RpcServer;
  let gateways: StartedGateway[] = [];

  before(async () => {
    const registry = fixtureRegistry();
    const service = (name: string, handlers: object) =>
      dynamicService(registry, `fixtures.v1.${name}`, handlers as never);
    const services = [
      service('ThingService', { getThing, deleteThing, ...ECHO }),
      service('ThingWatcher', { watchThings }),
      service('FileService', FILE_HANDLERS),
      service('ChatService', { chat }),
    ];
    server = await startRpcServerWith({ registry, services });
    const options = { allowedOrigins: [ORIGIN], bodyBytesMax: BODY_BYTES_MAX };
    gateways = await Promise.all(GATEWAYS.map((kind) => startGatewayOf(kind, server, options)));
  });

  after(async () => {
    for (const gateway of gateways) await gateway.close();
    await server?.close();
  });

  for (const [what, status, path, sent = {}] of [...REST, ...STREAMS, ...FILES, ...RPC]) {
    it(`answers ${what} with the bytes of the gateway in the server`, async () => {
      const [own, apart] = await Promise.all(gateways.map((gateway) => see(gateway, path, sent)));
      expect(own).to.include({ status });
      expect(apart).to.deep.equal(own);
    });
  }

  const readable: readonly (readonly [what: string, path: string, headers: Readonly<Record<string, string>>])[] = [
    ['a call', '/v1/things/a', {}],
    ['an answer that is compressed', `/v1/one/${'x'.repeat(3000)}`, { 'accept-encoding': 'br' }],
    ['a stream', '/v1/things:watch', { accept: 'text/event-stream', 'accept-encoding': 'gzip' }],
    ['a file', '/v1/files/a', {}],
    ['a file in pieces', '/v1/files/a:download', {}],
    ['a page', '/openapi.json', {}],
  ];
  for (const [what, path, headers] of readable) {
    it(`answers HEAD of ${what} with the headers of GET, and no length but that of its body`, async () => {
      for (const gateway of gateways) {
        const head = await see(gateway, path, { method: 'HEAD', headers });
        const get = await see(gateway, path, { headers });
        const isLength = (pair: string) => /^(?:content-length|transfer-encoding): /i.test(pair);
        expect(head.headers.filter((pair) => !isLength(pair))).to.deep.equal(
          get.headers.filter((pair) => !isLength(pair)),
        );
        expect([...get.headers, 'Transfer-Encoding: chunked']).to.include.members(head.headers.filter(isLength));
        expect(head.body).to.equal('');
      }
    });
  }

  // How long each part of the call took is in the text, and differs with every call.
  const timeouts: readonly (readonly [name: string, value: string, path: string, sent: Sent])[] = [
    ['x-server-timeout', '0.05', '/v1/things/slow', {}],
    ['grpc-timeout', '50m', '/v1/things/slow', {}],
    ['connect-timeout-ms', '50', GET_THING, post('{"name":"things/slow"}')],
  ];
  for (const [name, value, path, sent] of timeouts) {
    it(`ends a call after its ${name} with the status of the gateway in the server`, async () => {
      const headers = { ...sent.headers, [name]: value };
      const seen = await Promise.all(gateways.map((gateway) => see(gateway, path, { ...sent, headers })));
      expect(seen.map(({ status }) => status)).to.deep.equal([504, 504]);
    });
  }

  /** Says everything at once, and gives all that is heard, and how the socket closes. */
  async function talk({ port }: StartedGateway, words: readonly (string | Buffer)[]): Promise<readonly string[]> {
    const protocol = words.some((word) => typeof word !== 'string') ? 'keelson.v1.proto' : 'keelson.v1.json';
    const headers = { 'x-request-id': 'r-1' };
    const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/rooms/r:chat`, protocol, { headers });
    const heard: string[] = [];
    socket.on('message', (data: Buffer, isBinary) => heard.push(`${String(isBinary)} ${data.toString('latin1')}`));
    socket.once('open', () => {
      for (const word of words) socket.send(word);
    });
    const [code, reason] = (await once(socket, 'close')) as [number, Buffer];
    return [...heard, `${code} ${reason.toString()}`];
  }

  const talks: readonly (readonly [what: string, code: string, words: readonly (string | Buffer)[]])[] = [
    ['a talk', '1000 ', ['{"message":{"text":"a"}}', '{"message":{"text":"b"}}', '{"end":{}}']],
    ['a talk in binary', '1000 ', [Buffer.from([0x12, 1, 0x61]), '{"end":{}}']],
    ['a talk that fails', '4005 NOT_FOUND', ['{"message":{"text":"fail"}}']],
    ['nonsense', '4003 INVALID_ARGUMENT', ['nonsense']],
  ];
  for (const [what, code, words] of talks) {
    it(`answers ${what} on a WebSocket with the frames of the gateway in the server`, async () => {
      const [own, apart] = await Promise.all(gateways.map((gateway) => talk(gateway, words)));
      expect(own?.at(-1)).to.equal(code);
      expect(apart).to.deep.equal(own);
    });
  }
});

const PLACE = { cityName: 'Ulm', height: 478 };

async function getThing(ctx: CallContext, { name }: { name: string }, call: IncomingCall): Promise<object> {
  call.responseMetadata.add('x-keelson-seen', 'yes');
  const resource = { type: 'Thing', name };
  if (name === 'things/none') throw new ServiceError('RESOURCE_NOT_FOUND', 'Cannot get "ä"', { resource });
  if (name === 'things/busy') throw new ServiceError('OVERLOADED', 'Too much to do', { retryDelayMs: 1500 });
  if (name === 'things/broken') throw new TypeError('secret');
  if (name === 'things/slow') await once(ctx.signal, 'abort');
  return { name, etag: 'e1', place: PLACE };
}

async function deleteThing(): Promise<object> {
  return Promise.reject(new ServiceError('ETAG_MISMATCH', 'It has changed'));
}

const echo = (_ctx: unknown, request: object) => Promise.resolve(request);
const ECHO = {
  checkEverything: echo,
  echoOne: echo,
  echoMany: echo,
  updateThing: (_ctx: unknown, { thing }: { thing: object }) => Promise.resolve(thing),
};

async function* watchThings(_ctx: unknown, { resumeToken }: { resumeToken: string }): AsyncGenerator<object> {
  const draining = new ServiceError('SERVER_DRAINING', 'Server is shutting down', { retryDelayMs: 1000 });
  if (resumeToken === 'drain') throw draining;
  yield await Promise.resolve({ name: 'a', resumeToken: 't8' });
  if (resumeToken === 'fail') throw draining;
  yield { name: `after ${resumeToken}`, resumeToken: 't9' };
}

interface Line {
  readonly room: string;
  readonly text: string;
}

async function* chat(_ctx: unknown, said: AsyncIterable<Line>): AsyncGenerator<Line> {
  for await (const { room, text } of said) {
    if (text === 'fail') throw new ServiceError('RESOURCE_NOT_FOUND', 'Cannot find the room');
    yield { room, text: `${text}!` };
  }
}

interface Put {
  readonly name: string;
  readonly title: string;
  readonly content?: { readonly contentType: string; readonly data: Uint8Array };
}

const TEXT = { contentType: 'text/plain', data: Buffer.from('The quick brown fox') };
const FILE_HANDLERS = {
  getFile: () => Promise.resolve(TEXT),
  async *downloadFile() {
    yield await Promise.resolve(TEXT);
    yield TEXT;
  },
  async uploadFile(_ctx: unknown, requests: AsyncIterable<Put>) {
    const parts: string[] = [];
    let title = '';
    for await (const request of requests) {
      ({ title } = request);
      parts.push(`${request.content?.contentType} ${Buffer.from(request.content?.data ?? []).toString()}`);
    }
    return { name: 'files/a', title, parts };
  },
};
