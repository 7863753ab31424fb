import { expect } from 'chai';
import { build } from 'esbuild';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import type { CallContext } from '../../src/rpc/context.js';
import { ServiceError } from '../../src/rpc/errors.js';
import type { BrowserClients, Outcome, PageCall } from '../support/browser-clients.js';
import { startChromium } from '../support/chromium.js';
import { dynamicService } from '../support/dynamic-service.js';
import { onEachGateway, startGatewayOf, type StartedGateway } from '../support/on-each-gateway.js';
import { requireTool } from '../support/require-tool.js';
import { startRpcServerWith, type RpcServer } from '../support/rpc-server.js';
import { fixtureImage, fixtureRegistry } from '../unit/gateway/fixture.js';

const BROWSER_MS_MAX = 60_000;
const NOT_FOUND = 5;
const CANCELLED = 1;
const DEADLINE_EXCEEDED = 4;
const EVENTS_A_CALL = 2;

declare const clients: BrowserClients;

describe('the HTTP gateway, called from a page of another origin in a browser', function () {
  this.timeout(BROWSER_MS_MAX);
  before(requireTool('chromium'));

  let browser: Browser;
  let pages: Server;
  let origin: string;
  before(async () => {
    const bundle = await build({
      entryPoints: ['tests/support/browser-clients.ts'],
      bundle: true,
      write: false,
      format: 'iife',
      logLevel: 'silent',
    });
    const script = bundle.outputFiles[0]?.text ?? '';
    pages = createServer((request, response) => {
      if (request.url === '/contracts') response.end(fixtureImage());
      else if (request.url === '/clients.js') response.setHeader('content-type', 'text/javascript').end(script);
      else response.setHeader('content-type', 'text/html').end('<!doctype html><script src="/clients.js"></script>');
    });
    pages.listen(0, '127.0.0.1');
    await once(pages, 'listening');
    origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
    browser = await startChromium();
  });
  after(async () => {
    await browser?.close();
    pages?.closeAllConnections();
    pages?.close();
  });

  onEachGateway((kind) => {
    let server: RpcServer;
    let gateway: StartedGateway;
    let page: Page;
    /** Settles when the call that never answers has ended. */
    let ended: Promise<void>;
    let end: () => void;

    const untilAborted = async (ctx: CallContext) => {
      if (!ctx.signal.aborted) await once(ctx.signal, 'abort');
      end();
    };

    before(async () => {
      const things = {
        async getThing(ctx: CallContext, { name }: { name: string }) {
          if (name === 'things/none') {
            throw new ServiceError('RESOURCE_NOT_FOUND', `Cannot find "${name}"`, {
              resource: { type: 'Thing', name },
            });
          }
          if (name === 'things/slow') await untilAborted(ctx);
          return { name, displayName: 'Ä thing' };
        },
        async echoOne(_ctx: unknown, request: object) {
          return request;
        },
      };
      const watcher = {
        async *watchThings(ctx: CallContext, { resumeToken }: { resumeToken: string }) {
          const after = Number(resumeToken);
          for (let i = after + 1; i <= after + EVENTS_A_CALL; i += 1) {
            yield { name: `things/${i}`, resumeToken: String(i) };
          }
          if (after === 100) await untilAborted(ctx);
          if (after === 200) throw new ServiceError('RESOURCE_NOT_FOUND', 'Cannot find any more');
        },
      };
      const chat = {
        async *chat(_ctx: unknown, lines: AsyncIterable<{ room: string; text: string }>) {
          for await (const { room, text } of lines) yield { room, text: `${text}!` };
        },
      };
      const registry = fixtureRegistry();
      server = await startRpcServerWith({
        registry,
        services: [
          dynamicService(registry, 'fixtures.v1.ThingService', things as never),
          dynamicService(registry, 'fixtures.v1.ThingWatcher', watcher as never),
          dynamicService(registry, 'fixtures.v1.ChatService', chat as never),
        ],
      });
      gateway = await startGatewayOf(kind, server, { allowedOrigins: [origin] });
      page = await (await browser.newContext()).newPage();
      await page.goto(origin);
    });
    after(async () => {
      await page?.context().close();
      await gateway?.close();
      await server?.close();
    });

    beforeEach(() => {
      ended = new Promise((resolve) => (end = resolve));
    });

    type Part = Omit<PageCall, 'base' | 'protocol'>;
    const getThing = (name: string, more: Partial<Part> = {}): Part => {
      return { service: 'fixtures.v1.ThingService', method: 'getThing', request: { name }, ...more };
    };
    const watchThings = (resumeToken: string, more: Partial<Part> = {}): Part => {
      return { service: 'fixtures.v1.ThingWatcher', method: 'watchThings', request: { resumeToken }, ...more };
    };
    const call = (protocol: PageCall['protocol'], part: Part): Promise<Outcome> =>
      page.evaluate((given) => clients.call(given), { ...part, base: gateway.base, protocol });

    const protocols = [
      'connect',
      'connect-get',
      'connect-binary',
      'connect-grpc-web',
      'grpc-web',
      'grpc-web-text',
    ] as const;
    for (const protocol of protocols) {
      context(`by ${protocol}`, () => {
        it('answers a unary call', async () => {
          const asked = page.waitForRequest((one) => one.url().includes('/GetThing') && one.method() !== 'OPTIONS');
          const { messages } = await call(protocol, getThing('things/a'));
          expect((await asked).method()).to.equal(protocol === 'connect-get' ? 'GET' : 'POST');
          expect(messages).to.have.length(1);
          expect(messages[0]).to.include({ name: 'things/a', displayName: 'Ä thing' });
        });

        it('tells of a failure with its details', async () => {
          const { code, text, details } = await call(protocol, getThing('things/none'));
          expect({ code, text }).to.deep.equal({ code: NOT_FOUND, text: 'Cannot find "things/none"' });
          expect(details).to.include('google.rpc.ErrorInfo').and.include('RESOURCE_NOT_FOUND');
          expect(details).to.include('google.rpc.ResourceInfo');
        });

        it('keeps the deadline of the page', async () => {
          const { code } = await call(protocol, getThing('things/slow', { timeoutMs: 300 }));
          expect(code).to.equal(DEADLINE_EXCEEDED);
          await ended;
        });

        it('ends a call that the page cancels', async () => {
          const { code } = await call(protocol, getThing('things/slow', { cancelAfter: 0 }));
          expect(code).to.equal(CANCELLED);
          await ended;
        });

        // The client of gRPC-Web reads streams as text only.
        if (protocol === 'grpc-web') return;

        it('answers with a stream', async () => {
          const { messages, code } = await call(protocol, watchThings('7'));
          expect(code).to.equal(undefined);
          expect(messages.map(({ name }) => name)).to.deep.equal(['things/8', 'things/9']);
        });

        it('tells of a failure at the end of a stream', async () => {
          const { messages, code, details } = await call(protocol, watchThings('200'));
          expect(messages).to.have.length(EVENTS_A_CALL);
          expect(code).to.equal(NOT_FOUND);
          expect(details).to.include('RESOURCE_NOT_FOUND');
        });

        it('ends a stream that the page cancels', async () => {
          const { messages } = await call(protocol, watchThings('100', { cancelAfter: EVENTS_A_CALL }));
          expect(messages).to.have.length(EVENTS_A_CALL);
          await ended;
        });
      });
    }

    it('resumes server-sent events after the last one that the page has seen', async () => {
      const url = `${gateway.base}/v1/things:watch?resumeToken=5`;
      const events = await page.evaluate(([from, count]) => clients.listen(from, count), [
        url,
        EVENTS_A_CALL + 1,
      ] as const);
      expect(events).to.deep.equal(
        ['6', '7', '8'].map((id) => ({ id, data: { name: `things/${id}`, resumeToken: id } })),
      );
    });

    const words = ['{"message":{"text":"a"}}', '{"message":{"text":"b"}}', '{"end":{}}'];

    it('carries both directions by WebSocket', async () => {
      const url = `${gateway.base.replace('http', 'ws')}/v1/rooms/r1:chat`;
      const { heard, code } = await page.evaluate(([to, said]) => clients.talk(to, said), [url, words] as const);
      expect(heard.slice(1)).to.deep.equal([
        { message: { room: 'r1', text: 'a!' } },
        { message: { room: 'r1', text: 'b!' } },
        { end: { metadata: {} } },
      ]);
      expect(code).to.equal(1000);
    });

    it('is closed to pages of an origin that is not listed', async () => {
      const stranger = await (await browser.newContext()).newPage();
      await stranger.goto(origin.replace('127.0.0.1', 'localhost'));
      const fetched = await stranger.evaluate(
        (url) =>
          fetch(url).then(
            () => 'read',
            () => 'refused',
          ),
        `${gateway.base}/v1/things/a`,
      );
      expect(fetched).to.equal('refused');
      const url = `${gateway.base.replace('http', 'ws')}/v1/rooms/r1:chat`;
      const { heard } = await stranger.evaluate(([to, said]) => clients.talk(to, said), [url, words] as const);
      expect(heard).to.deep.equal([]);
      await stranger.context().close();
    });
  });
});
