import { expect } from 'chai';
import { dynamicService } from '../support/dynamic-service.js';
import { onEachGateway, startGatewayOf, type StartedGateway } from '../support/on-each-gateway.js';
import { startRpcServerWith, type RpcServer } from '../support/rpc-server.js';
import { fixtureRegistry } from '../unit/gateway/fixture.js';

describe('parts of files over the HTTP gateway', () => {
  onEachGateway((kind) => {
    let server: RpcServer;
    let gateway: StartedGateway;
    const text = 'The quick brown fox';

    before(async () => {
      const textOf = (content: string) => ({ contentType: 'text/plain', data: Buffer.from(content) });
      const handlers = {
        getFile: (_ctx: unknown, { name }: { name: string }) =>
          Promise.resolve(textOf(name === 'files/empty' ? '' : text)),
        getVersion: () => Promise.resolve({ etag: 'v1', content: textOf(text) }),
      };
      server = await startRpcServerWith({
        registry: fixtureRegistry(),
        services: [dynamicService(fixtureRegistry(), 'fixtures.v1.FileService', handlers as never)],
      });
      gateway = await startGatewayOf(kind, server);
    });
    after(async () => {
      await gateway?.close();
      await server?.close();
    });

    const call = (path: string, init: RequestInit = {}) => fetch(`${gateway.base}${path}`, init);

    const ranges: readonly (readonly [range: string, status: number, contentRange: string | null, body: string])[] = [
      ['bytes=4-8', 206, 'bytes 4-8/19', 'quick'],
      ['bytes=16-', 206, 'bytes 16-18/19', 'fox'],
      ['bytes=-3', 206, 'bytes 16-18/19', 'fox'],
      ['bytes=-99', 206, 'bytes 0-18/19', text],
      ['bytes=0-99', 206, 'bytes 0-18/19', text],
      ['Bytes=4-8', 206, 'bytes 4-8/19', 'quick'],
      ['bytes=5-4', 200, null, text],
      ['bytes=0-1,3-4', 200, null, text],
      ['lines=0-1', 200, null, text],
      ['bytes=-', 200, null, text],
    ];
    for (const [range, status, contentRange, body] of ranges) {
      it(`answers "${range}" with ${status}`, async () => {
        const response = await call('/v1/files/a', { headers: { range } });
        expect(response.status).to.equal(status);
        expect(response.headers.get('content-range')).to.equal(contentRange);
        expect(response.headers.get('accept-ranges')).to.equal('bytes');
        expect(response.headers.get('content-length')).to.equal(String(body.length));
        expect(await response.text()).to.equal(body);
      });
    }

    for (const range of ['bytes=19-', 'bytes=99-100', 'bytes=-0']) {
      it(`answers "${range}" with 416 and the length that there is`, async () => {
        const response = await call('/v1/files/a', { headers: { range } });
        expect(response.status).to.equal(416);
        expect(response.headers.get('content-range')).to.equal('bytes */19');
        expect(await response.json()).to.have.nested.property('error.status', 'INVALID_ARGUMENT');
      });
    }

    it('gives all of a file that is empty, whatever part is asked for', async () => {
      for (const range of ['bytes=0-10', 'bytes=-10']) {
        const response = await call('/v1/files/empty', { headers: { range } });
        expect(response.status).to.equal(200);
        expect(await response.text()).to.equal('');
      }
    });

    it('gives a part only of the version that the client has a part of', async () => {
      const ask = (headers: Record<string, string>) => call('/v1/files/a:version', { headers });
      const whole = await ask({});
      expect(whole.headers.get('etag')).to.equal('"v1"');
      expect((await ask({ range: 'bytes=0-2', 'if-range': '"v1"' })).status).to.equal(206);
      for (const condition of ['"v0"', 'W/"v1"', 'Mon, 23 Nov 2026 08:00:00 GMT']) {
        expect((await ask({ range: 'bytes=0-2', 'if-range': condition })).status).to.equal(200);
      }
      expect((await ask({ 'if-none-match': '"v1"' })).status).to.equal(304);
      expect((await call('/v1/files/a', { headers: { range: 'bytes=0-2', 'if-range': '"v1"' } })).status).to.equal(200);
    });
  });
});
