import { expect } from 'chai';
import { ServiceError } from '../../src/rpc/errors.js';
import { onEachGateway } from '../support/on-each-gateway.js';
import { closeGatewaysApart, startGateway, type Recorder, type RunningGateway } from './gateway-harness.js';

describe('the HTTP gateway, given resources with versions', () => {
  onEachGateway(() => {
    after(closeGatewaysApart);
    let running: RunningGateway;
    let recorder: Recorder;
    let call: RunningGateway['call'];

    beforeEach(async () => {
      running = await startGateway();
      ({ recorder, call } = running);
    });

    afterEach(() => running.gateway.close(0));
    // A thing with display_name "x" and etag "e1".
    const thing = Buffer.from([0x12, 1, 0x78, 0x22, 2, 0x65, 0x31]);

    beforeEach(() => {
      recorder.answer = () => Promise.resolve(thing);
    });

    it('sends the etag of a resource, which its browser may keep and ask again', async () => {
      const { headers } = await call('/v1/things/a');
      expect(headers.get('etag')).to.equal('"e1"');
      expect(headers.get('cache-control')).to.equal('private, no-cache');
      expect((await call('/v1/things')).headers.get('etag')).to.equal(null);
    });

    it('answers 304 without a body to who has that version', async () => {
      for (const known of ['"e1"', 'W/"e1"', '"e0", "e1"', '*']) {
        const answer = await call('/v1/things/a', { headers: { 'if-none-match': known } });
        expect(answer).to.include({ status: 304, text: '' });
        expect(answer.headers.get('etag')).to.equal('"e1"');
      }
      expect((await call('/v1/things/a', { headers: { 'if-none-match': '"e2"' } })).status).to.equal(200);
    });

    const change = (method: string, headers: Record<string, string>, body?: string): RequestInit => ({
      method,
      headers: body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body }),
    });

    it('guards a change by If-Match, in the resource or in the request', async () => {
      await call('/v1/things/a', change('PATCH', { 'if-match': '"e1"' }, '{"displayName":"y"}'));
      await call('/v1/things/a', change('DELETE', { 'if-match': 'W/"e1"' }));
      await call('/v1/things/a', change('DELETE', { 'if-match': '*' }));
      expect(recorder.calls.map(({ request }) => request)).to.deep.equal([
        { thing: { name: 'things/a', displayName: 'y', etag: 'e1' }, updateMask: 'displayName' },
        { name: 'things/a', etag: 'e1' },
        { name: 'things/a' },
      ]);
    });

    it('answers 412 when the version has passed', async () => {
      recorder.answer = () => Promise.reject(new ServiceError('ETAG_MISMATCH', 'It has changed'));
      expect((await call('/v1/things/a', change('DELETE', { 'if-match': '"e0"' }))).status).to.equal(412);
      expect((await call('/v1/things/a?etag=e0', change('DELETE', {}))).status).to.equal(409);
    });

    it('refuses a guard that would go unheard', async () => {
      const rows: readonly (readonly [path: string, init: RequestInit, text: RegExp])[] = [
        ['/v1/things', { headers: { 'if-match': '"e"' } }, /Header \\"if-match\\" is not understood by this method/],
        ['/v1/things/a', change('DELETE', { 'if-match': '"a", "b"' }), /must be one entity tag/],
        ['/v1/things/a', change('DELETE', { 'if-match': 'e' }), /must be one entity tag/],
        ['/v1/things/a?etag=e0', change('DELETE', { 'if-match': '"e1"' }), /etag: differs from the header/],
        ['/v1/things/a', change('PATCH', { 'if-match': '"e"' }, '{"etag":"f","tags":[]}'), /thing.etag: differs/],
        ['/v1/things/a', change('DELETE', { 'if-none-match': '*' }), /is for GET only/],
      ];
      for (const [path, init, text] of rows) {
        const answer = await call(path, init);
        expect(answer.status, path).to.equal(400);
        expect(answer.text).to.match(text);
      }
      expect(recorder.calls).to.have.length(0);
    });
  });
});
