import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import type { CallContext } from '../../src/rpc/context.js';
import { toFrame } from '../../src/rpc/grpc/frames.js';
import { deferred } from '../support/deferred.js';
import { dynamicService } from '../support/dynamic-service.js';
import { onEachGateway, startGatewayOf, type StartedGateway } from '../support/on-each-gateway.js';
import { startRpcServerWith, type RpcServer } from '../support/rpc-server.js';
import { fixtureRegistry } from '../unit/gateway/fixture.js';

const GET_THING = '/fixtures.v1.ThingService/GetThing';
const DAY_MS = 24 * 60 * 60 * 1000;
/** A timer of Node takes 24.8 days at most, and one of more fires after a millisecond. */
const LONG_MS = 30 * DAY_MS;
const OVERFLOW_MS = 10;
const SHORT_MS = 200;
const TEST_MS_MAX = 20_000;
const LOOK_MS = 5;
const STALLED_MS_MAX = 30;

/** The headers of GetThing, and its body where it has one, in the words of each protocol. */
const PROTOCOLS: Readonly<Record<string, (timeoutMs: number) => { readonly path: string } & RequestInit>> = {
  REST: (timeoutMs) => ({ path: '/v1/things/a', headers: { 'grpc-timeout': grpcTimeout(timeoutMs) } }),
  Connect: (timeoutMs) => ({
    path: GET_THING,
    method: 'POST',
    headers: { 'content-type': 'application/json', 'connect-timeout-ms': String(timeoutMs) },
    body: '{"name":"things/a"}',
  }),
  'gRPC-Web': (timeoutMs) => ({
    path: GET_THING,
    method: 'POST',
    headers: { 'content-type': 'application/grpc-web+proto', 'grpc-timeout': grpcTimeout(timeoutMs) },
    body: new Uint8Array(toFrame(Buffer.from('\x0a\x08things/a'))),
  }),
};

function grpcTimeout(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}S` : `${ms}m`;
}

describe('the deadline of a call through the HTTP gateway', () => {
  onEachGateway((kind) => {
    let server: RpcServer;
    let gateway: StartedGateway;
    let getThing: (ctx: CallContext) => Promise<object>;

    before(async () => {
      const registry = fixtureRegistry();
      const things = { getThing: (ctx: CallContext) => getThing(ctx) };
      const services = [
        dynamicService(registry, 'fixtures.v1.ThingService', things as never),
        dynamicService(registry, 'fixtures.v1.ThingWatcher', { watchThings } as never),
      ];
      server = await startRpcServerWith({ registry, services });
      gateway = await startGatewayOf(kind, server, { stalledMaxMs: STALLED_MS_MAX });
    });

    after(async () => {
      await gateway?.close();
      await server?.close();
    });

    /** How the calls ended, as the log has it. */
    const ends = () =>
      server.logLines.filter(({ method }) => String(method).endsWith('GetThing')).map(({ code }) => code);

    /** Gives all that the answer says. */
    async function call(protocol: string, timeoutMs: number): Promise<string> {
      const { path, ...init } = PROTOCOLS[protocol]?.(timeoutMs) ?? { path: '' };
      const response = await fetch(gateway.base + path, init);
      return `${response.status} ${JSON.stringify([...response.headers])} ${await response.text()}`;
    }

    for (const protocol of Object.keys(PROTOCOLS)) {
      it(`may be further away than a timer of Node can tell, by ${protocol}`, async () => {
        let seen: { readonly remainingMs: number; readonly aborted: boolean } | undefined;
        getThing = async (ctx) => {
          const { signal } = ctx;
          await delay(OVERFLOW_MS);
          seen = { remainingMs: ctx.remainingMs(), aborted: signal.aborted };
          return { name: 'things/a' };
        };

        expect(await call(protocol, LONG_MS))
          .to.match(/^200 /)
          .and.include('things/a');

        expect(seen?.aborted).to.equal(false);
        expect(seen?.remainingMs).to.be.within(LONG_MS - TEST_MS_MAX, LONG_MS);
      });

      it(`ends one whose handler does not look at its signal and answers later, by ${protocol}`, async () => {
        const release = deferred<void>();
        const returned = deferred<void>();
        getThing = async () => {
          await release.promise;
          returned.resolve();
          return { name: 'things/a' };
        };
        const before = ends().length;

        const answer = await call(protocol, SHORT_MS);
        // The clock of a gateway in front may be a moment ahead of that of the server.
        while (ends().length === before) await delay(LOOK_MS);
        release.resolve();
        await returned.promise;
        await new Promise((resolve) => setImmediate(resolve));

        expect(answer)
          .to.match(/DEADLINE_EXCEEDED|deadline_exceeded|grpc-status: ?4/)
          .and.not.include('things/a');
        expect(ends().slice(before).join()).to.be.oneOf(['DEADLINE_EXCEEDED', 'CANCELLED']);
      }).timeout(TEST_MS_MAX);
    }

    it('cuts a client that has stopped reading a stream, and cannot be told that it is over', async () => {
      const socket = connect(gateway.port, '127.0.0.1').on('error', () => undefined);
      const timeout = `x-server-timeout: ${SHORT_MS / 1000}`;
      socket.write(`GET /v1/things:watch HTTP/1.1\r\nhost: x\r\n${timeout}\r\n\r\n`);
      await once(socket, 'readable');
      // The error that a reset makes is heard without a read.
      while (!socket.destroyed) {
        socket.write('GET / HTTP/1.1\r\n');
        await delay(LOOK_MS);
      }
    }).timeout(TEST_MS_MAX);
  });
});

async function* watchThings(): AsyncGenerator<object> {
  const name = 'x'.repeat(10_000);
  for (;;) yield await Promise.resolve({ name });
}
