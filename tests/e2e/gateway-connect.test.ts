import { expect } from 'chai';
import { gzipSync } from 'node:zlib';
import { ServiceError } from '../../src/rpc/errors.js';
import { onEachGateway } from '../support/on-each-gateway.js';
import { closeGatewaysApart, startGateway, type Recorder, type RunningGateway } from './gateway-harness.js';

const GET = '/fixtures.v1.ThingService/GetThing';
const DELETE = '/fixtures.v1.ThingService/DeleteThing';
/** A thing, or a request for one, with the name "a". */
const NAMED_A = Buffer.from([0x0a, 1, 0x61]);

describe('the HTTP gateway, given a unary call of the Connect protocol', () => {
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

    const post = (body: string | Buffer, headers: Record<string, string> = {}): RequestInit => ({
      method: 'POST',
      body: typeof body === 'string' ? body : new Uint8Array(body),
      headers: { 'content-type': 'application/json', 'connect-protocol-version': '1', ...headers },
    });

    it('takes and gives JSON', async () => {
      const { status, headers, json } = await call(GET, post('{"name":"a"}', { 'connect-timeout-ms': '20000' }));
      expect(status).to.equal(200);
      expect(headers.get('content-type')).to.match(/^application\/json/);
      expect(json).to.deep.equal({ name: 'a' });
      expect(recorder.calls[0]).to.deep.include({ method: 'GetThing', request: { name: 'a' } });
      expect(recorder.calls[0]?.call.timeoutMs).to.be.within(isApart ? 1 : 20_000, 20_000);
    });

    it('takes and gives bytes as they are', async () => {
      const answer = await fetch(`${running.base}${GET}`, post(NAMED_A, { 'content-type': 'application/proto' }));
      expect(answer.headers.get('content-type')).to.equal('application/proto');
      expect(Buffer.from(await answer.arrayBuffer())).to.deep.equal(NAMED_A);
    });

    it('takes an empty body for an empty message in binary only', async () => {
      expect((await call(GET, post('', { 'content-type': 'application/proto' }))).status).to.equal(200);
      expect((await call(GET, post(''))).json).to.have.property('code', 'invalid_argument');
    });

    it('ignores fields that it does not know, as in binary', async () => {
      expect((await call(GET, post('{"name":"a","later":1}'))).json).to.deep.equal({ name: 'a' });
    });

    it('reads compressed requests and compresses answers', async () => {
      // Field 1 with 2000 letters: its length is 0xd0 0x0f.
      const large = Buffer.concat([Buffer.from([0x0a, 0xd0, 0x0f]), Buffer.alloc(2000, 'x')]);
      // A gateway apart passes on no answer that is larger than a body may be.
      const roomy = isApart ? await startGateway(['ThingService'], { bodyBytesMax: 20_000 }) : running;
      roomy.recorder.answer = () => Promise.resolve(large);
      const body = gzipSync('{"name":"a"}');
      const answer = await roomy.call(GET, post(body, { 'content-encoding': 'gzip', 'accept-encoding': 'br' }));
      expect(roomy.recorder.calls[0]?.request).to.deep.equal({ name: 'a' });
      expect(answer.headers.get('content-encoding')).to.equal('br');
      expect(answer.json).to.deep.equal({ name: 'x'.repeat(2000) });
    });

    it('passes headers on as metadata, and metadata back as headers', async () => {
      recorder.answer = (incoming, request) => {
        incoming.responseMetadata.add('color', 'blue');
        incoming.responseMetadata.addBinary('key-bin', Buffer.from([0xff]));
        return Promise.resolve(request);
      };
      const given = { authorization: 'Bearer t', color: 'red', 'key-bin': '/w', cookie: 'c', origin: 'https://o' };
      const { headers } = await call(GET, post('{}', given));
      const metadata = recorder.calls[0]?.call.metadata;
      const keys = [...(metadata?.entries() ?? [])].map(([key]) => key).sort();
      const ofUpstream = isApart ? ['accept-encoding', 'traceparent'] : [];
      const passed = ['accept-language', 'authorization', 'color', 'user-agent', 'x-request-id'];
      expect(keys).to.deep.equal([...ofUpstream, ...passed].sort());
      expect([...(metadata?.getBinary('key-bin') ?? [])]).to.deep.equal([0xff]);
      expect(headers.get('color')).to.equal('blue');
      expect(headers.get('key-bin')).to.equal('/w==');
    });

    it('gives errors in the form of the protocol', async () => {
      recorder.answer = () => {
        throw new ServiceError('RESOURCE_NOT_FOUND', 'Cannot get it');
      };
      const { status, headers, json } = await call(GET, post('{"name":"a"}'));
      expect(status).to.equal(404);
      expect(headers.get('content-type')).to.match(/^application\/json/);
      expect(json).to.deep.include({ code: 'not_found', message: 'Cannot get it' });
      expect(json).to.have.nested.property('details[0].type', 'google.rpc.ErrorInfo');
      expect(json)
        .to.have.nested.property('details[0].value')
        .that.matches(/^[A-Za-z0-9+/]+$/);
      expect(json).to.have.all.keys('code', 'message', 'details');
    });

    const refused: readonly (readonly [what: string, init: RequestInit, status: number, text: RegExp])[] = [
      ['malformed JSON', post('{'), 400, /"code":"invalid_argument","message":"Invalid request: Body is not JSON/],
      ['a value that does not fit', post('{"name":1}'), 400, /name: must be a string/],
      ['a version of the future', post('{}', { 'connect-protocol-version': '2' }), 400, /version must be \\"1\\"/],
      ['a malformed timeout', post('{}', { 'connect-timeout-ms': '1s' }), 400, /is not a number of milliseconds/],
      [
        'an unknown compression',
        post('{}', { 'content-encoding': 'zstd' }),
        501,
        /"code":"unimplemented".*expected br, gzip/,
      ],
      ['a body that is too large', post(`{"name":"${'x'.repeat(1000)}"}`), 429, /"code":"resource_exhausted"/],
      [
        'a bomb',
        post(gzipSync('x'.repeat(100_000)), { 'content-encoding': 'gzip' }),
        429,
        /"code":"resource_exhausted"/,
      ],
      ['malformed binary metadata', post('{}', { 'key-bin': '!' }), 400, /must be base64/],
    ];
    for (const [what, init, status, text] of refused) {
      it(`refuses ${what} with ${status}`, async () => {
        const answer = await call(GET, init);
        expect(answer.status).to.equal(status);
        expect(answer.text).to.match(text);
        expect(recorder.calls).to.have.length(0);
      });
    }

    it('answers 415 to what is no call of the protocol, and says what would be one', async () => {
      for (const type of ['text/plain', 'application/grpc', 'application/connect+json', '']) {
        const { status, headers } = await call(GET, post('{}', { 'content-type': type }));
        expect(status, type).to.equal(415);
        expect(headers.get('accept-post')).to.match(/^application\/json, application\/proto/);
      }
    });

    it('knows no method that the contract does not show to browsers', async () => {
      expect((await call('/fixtures.v1.ThingService/HiddenThing', post('{}'))).status).to.equal(404);
    });

    context('by GET', () => {
      const query = (parameters: Record<string, string>) => `${GET}?${new URLSearchParams(parameters).toString()}`;

      it('takes the message from the URL', async () => {
        const rows: readonly Record<string, string>[] = [
          { connect: 'v1', encoding: 'json', message: '{"name":"a"}' },
          { encoding: 'json', message: Buffer.from('{"name":"a"}').toString('base64url'), base64: '1' },
          { encoding: 'json', message: gzipSync('{"name":"a"}').toString('base64'), base64: '1', compression: 'gzip' },
        ];
        for (const row of rows) expect((await call(query(row))).json).to.deep.equal({ name: 'a' });
        const proto = await call(query({ encoding: 'proto', message: NAMED_A.toString('base64'), base64: '1' }));
        expect(proto.headers.get('content-type')).to.equal('application/proto');
        expect(Buffer.from(proto.text)).to.deep.equal(NAMED_A);
      });

      it('is for calls that change nothing', async () => {
        const { status, headers } = await call(`${DELETE}?encoding=json&message={}`);
        expect(status).to.equal(405);
        expect(headers.get('allow')).to.equal('OPTIONS, POST');
      });

      it('refuses what is incomplete or malformed', async () => {
        const rows: readonly (readonly [parameters: Record<string, string>, text: RegExp])[] = [
          [{ encoding: 'json' }, /message: Query parameter is missing/],
          [{ message: '{}' }, /encoding: Query parameter must be/],
          [{ encoding: 'xml', message: '{}' }, /encoding: Query parameter must be/],
          [{ encoding: 'json', message: '{}', connect: 'v2' }, /version must be \\"v1\\"/],
          [{ encoding: 'json', message: '!', base64: '1' }, /message: Query parameter must be base64/],
          [{ encoding: 'json', message: '{}', compression: 'zstd' }, /"code":"unimplemented"/],
        ];
        for (const [parameters, text] of rows) expect((await call(query(parameters))).text).to.match(text);
      });
    });
  });
});
