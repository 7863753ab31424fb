import { expect } from 'chai';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { createHttpGateway } from '../../src/gateway/http-server.js';
import type { LazyDispatcher } from '../../src/rpc/call.js';
import { ServiceError } from '../../src/rpc/errors.js';
import { ContractError } from '../../src/rpc/method-table.js';
import { aTable } from '../unit/gateway/fixture.js';
import { onEachGateway } from '../support/on-each-gateway.js';
import { closeGatewaysApart, startGateway, type Recorder, type RunningGateway } from './gateway-harness.js';

describe('the HTTP gateway', () => {
  onEachGateway((kind) => {
    after(closeGatewaysApart);
    const isApart = kind === 'in front of the server';
    let running: RunningGateway;
    let recorder: Recorder;
    let call: RunningGateway['call'];

    beforeEach(async () => {
      running = await startGateway();
      ({ recorder, call } = running);
    });

    afterEach(() => running.gateway.close(0));

    // A gateway apart passes on no answer that is larger than a body may be.
    const startRoomy = () => (isApart ? startGateway(['ThingService'], { bodyBytesMax: 20_000 }) : running);

    const post = (body: string, type = 'application/json'): RequestInit => ({
      method: 'POST',
      body,
      headers: { 'content-type': type },
    });

    it('passes a call to the call path and gives its answer as JSON', async () => {
      const { status, headers, json } = await call('/v1/one/a%2Fb?int32Value=7', {
        headers: { authorization: 'Bearer t', 'x-request-id': 'r-7', 'grpc-timeout': '20000m' },
      });
      expect(status).to.equal(200);
      expect(json).to.deep.equal({ text: 'a/b', int32Value: 7 });
      expect(headers.get('content-type')).to.match(/^application\/json/);
      expect(headers.get('x-request-id')).to.equal('r-7');
      expect(headers.get('cache-control')).to.equal('no-store');
      expect(headers.get('x-content-type-options')).to.equal('nosniff');
      const [made] = recorder.calls;
      expect(made).to.deep.include({ method: 'EchoOne', request: { text: 'a/b', int32Value: 7 } });
      expect(made?.call).to.include({ protocol: isApart ? 'grpc' : 'http' });
      expect(made?.call.timeoutMs).to.be.within(isApart ? 1 : 20_000, 20_000);
      expect(made?.call.peer).to.match(/^127\.0\.0\.1:\d+$/);
      expect(made?.call.metadata.get('authorization')).to.equal('Bearer t');
    });

    it('sends metadata of the answer back, with errors too', async () => {
      recorder.answer = (incoming) => {
        incoming.responseMetadata.add('x-keelson-token', '7');
        throw new ServiceError('RESOURCE_NOT_FOUND', 'Cannot get it', {
          resource: { type: 'Thing', name: 'things/a' },
        });
      };
      const { status, headers, json } = await call('/v1/things/a');
      expect(status).to.equal(404);
      expect(headers.get('x-keelson-token')).to.equal('7');
      expect(json).to.have.nested.property('error.status', 'NOT_FOUND');
      expect(json).to.have.nested.property('error.details[1].resourceName', 'things/a');
      // The call path has written the call's line.
      if (!isApart) expect(running.log).to.have.length(0);
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
      expect(root.text)
        .to.match(/^keelson \d+\.\d+\.\d+\n/)
        .and.include('/healthz')
        .and.include('/v1/{name=things/*}');
      expect((await call('/healthz')).json).to.deep.equal({ status: 'alive' });
      expect((await call('/readyz')).status).to.equal(200);
      running.setReady(false);
      if (!isApart) expect((await call('/readyz')).status).to.equal(503);
      const docs = await call('/docs');
      expect(docs.headers.get('content-security-policy')).to.match(/^default-src 'none'; script-src 'self'; style-src/);
      expect(docs.text).not.to.match(/<script>|https?:\/\//);
      expect((await call('/docs/assets/swagger-ui-bundle.js')).headers.get('content-type')).to.match(
        /^text\/javascript/,
      );
      const { text } = await call('/openapi.json');
      // What the policy of the server is, a gateway apart does not know.
      expect(text).to.include('Gets a `thing` <by name>');
      if (!isApart) expect(text).to.include('things.things.get');
    });

    const refused: readonly (readonly [what: string, path: string, init: RequestInit, status: number, text: RegExp])[] =
      [
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
        [
          'a system parameter twice',
          '/v1/things/a?$fields=name&fields=etag',
          {},
          400,
          /fields: is given more than once/,
        ],
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
        [
          'another charset',
          '/v1/everything/a:check',
          post('{}', 'application/json; charset=latin1'),
          415,
          /content type/,
        ],
        [
          'a compressed body',
          '/v1/everything/a:check',
          { method: 'POST', body: 'x', headers: { 'content-type': 'application/json', 'content-encoding': 'deflate' } },
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
        [
          'a body beyond the limit',
          '/v1/everything/a:check',
          post(`"${'x'.repeat(1000)}"`),
          413,
          /larger than 1000 bytes/,
        ],
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
        if (!isApart) expect(running.log).to.have.length(1);
      });
    }

    it('reads compressed bodies, and stops at the limit of what comes out', async () => {
      const send = (body: Buffer, encoding: string) => {
        const headers = { 'content-type': 'application/json', 'content-encoding': encoding };
        return call('/v1/everything/a:check', { method: 'POST', body: new Uint8Array(body), headers });
      };
      const body = JSON.stringify({ renamed: 'x'.repeat(500) });
      expect((await send(gzipSync(body), 'gzip')).status).to.equal(200);
      expect((await send(brotliCompressSync(body), 'br')).status).to.equal(200);
      expect((await send(gzipSync(' '.repeat(1_000_000)), 'gzip')).status).to.equal(413);
      expect((await send(brotliCompressSync(' '.repeat(1_000_000)), 'br')).status).to.equal(413);
      expect((await send(Buffer.from(body), 'gzip')).text).to.include('Body is not compressed as its header says');
    });

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
      if (!isApart) expect(running.log).to.have.length(1).and.to.have.nested.property('[0].err');
    });

    it('takes long paths and many segments', async () => {
      const { call: callRoomy } = await startRoomy();
      const id = 'x'.repeat(4000);
      expect((await callRoomy(`/v1/one/${id}`)).json).to.deep.equal({ text: id });
      const deep = 'a/'.repeat(1000);
      expect((await callRoomy(`/v1/many/${deep}`)).json).to.deep.equal({ text: deep });
    });
  });
});

describe('createHttpGateway()', () => {
  it('throws a ContractError where the rules cannot be served', () => {
    const deps = { dispatcher: {} as LazyDispatcher, log: {} as never, isReady: () => true };
    const serverInfo = { name: 'keelson', version: '1' };
    expect(() => createHttpGateway({ ...deps, serverInfo, table: aTable(['BrokenService']) })).to.throw(ContractError);
  });
});
