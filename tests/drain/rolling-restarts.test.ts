import { expect } from 'chai';
import { DocumentServiceDefinition } from '../../gen/keelson/documents/v1/document_service.js';
import { HealthDefinition } from '../../gen/health/v1/health.js';
import { CallError } from '../../src/rpc/client/call-error.js';
import { createClient } from '../../src/rpc/client/create-client.js';
import { describeMongo } from '../support/describe-mongo.js';
import { freePort } from '../support/free-port.js';
import { TRANSPORT_NAMES } from '../support/on-each-transport.js';
import { startServerProcess, type ServerProcess } from '../support/server-process.js';

const RESTARTS = 20;
const TEST_MS_MAX = 240_000;
const CALLERS = 4;
const DRAIN_MS = 5000;
const PARENT = 'collections/notes';
const NAME = `${PARENT}/documents/a`;

for (const transport of TRANSPORT_NAMES) {
  describe(`rolling restarts on ${transport}`, function () {
    this.timeout(TEST_MS_MAX);

    it('of two workers, by SIGHUP, fail no call that is safe to repeat', async () => {
      const server = await startServerProcess({
        args: ['--workers', '2'],
        settings: settingsOf(transport),
      });
      const load = await startLoad(server.address, server.token);
      for (let i = 0; i < RESTARTS / 2; i += 1) {
        server.child.kill('SIGHUP');
        await until(() => server.logLines.filter(({ msg }) => msg === 'workers replaced').length > i);
      }
      const { calls, failures } = await load.stop();
      const code = await server.stop();
      await server.close();

      process.stdout.write(`      ${RESTARTS} workers restarted, ${calls} calls\n`);
      expect(failures).to.deep.equal([]);
      expect(calls).to.be.greaterThan(RESTARTS);
      expect(code).to.equal(0);
    });

    it('ends endless streams with UNAVAILABLE and RetryInfo, within the budget', async () => {
      const server = await startServerProcess({ settings: settingsOf(transport) });
      const health = createClient(HealthDefinition, { address: server.address, attemptsMax: 1 });
      const statuses: number[] = [];
      let end: unknown;
      const watching = (async () => {
        try {
          for await (const { status } of health.watch({ service: '' })) statuses.push(status);
        } catch (err) {
          end = err;
        }
      })();
      await until(() => statuses.length > 0);
      const startMs = performance.now();
      const code = await server.stop();
      const tookMs = performance.now() - startMs;
      await watching;
      health.close();
      await server.close();

      expect(code).to.equal(0);
      expect(statuses, 'SERVING, then NOT_SERVING while it settles').to.deep.equal([1, 2]);
      expect(end).to.be.instanceOf(CallError).and.include({ codeName: 'UNAVAILABLE', reason: 'SERVER_DRAINING' });
      expect((end as CallError).retryDelayMs).to.be.greaterThan(0);
      expect(tookMs).to.be.within(SETTLE_MS, DRAIN_MS + SETTLE_MS);
    });
  });
}

describeMongo('rolling restarts of two replicas on one database', (mongo) => {
  it('fail no call that is safe to repeat', async () => {
    const url = mongo().urlOf('keelson_rolling');
    const ports = [await freePort(), await freePort()];
    const start = (port: number) =>
      startServerProcess({
        settings: {
          ...settingsOf('http2'),
          // The default: longer than a client takes to find the other replica again.
          KEELSON_SETTLE_MS: '1000',
          KEELSON_STORE_URL: url,
          KEELSON_GRPC_LISTEN: `127.0.0.1:${port}`,
        },
      });
    const replicas: ServerProcess[] = [];
    for (const port of ports) replicas.push(await start(port));
    const token = replicas[0]?.token ?? '';
    const load = await startLoad(`ipv4:${ports.map((port) => `127.0.0.1:${port}`).join(',')}`, token);
    const codes: (number | null | undefined)[] = [];
    for (let i = 0; i < RESTARTS; i += 1) {
      const which = i % ports.length;
      codes.push(await replicas[which]?.stop());
      await replicas[which]?.close();
      replicas[which] = await start(ports[which] ?? 0);
    }
    const { calls, failures } = await load.stop();
    for (const replica of replicas) await replica.close();

    process.stdout.write(`      ${RESTARTS} replicas restarted, ${calls} calls\n`);
    expect(failures).to.deep.equal([]);
    expect(codes).to.deep.equal(Array(RESTARTS).fill(0));
  }).timeout(TEST_MS_MAX);
});

const SETTLE_MS = 200;

function settingsOf(transport: string): Record<string, string> {
  return {
    KEELSON_GRPC_TRANSPORT: transport,
    KEELSON_SETTLE_MS: String(SETTLE_MS),
    KEELSON_DRAIN_TIMEOUT_MS: String(DRAIN_MS),
    KEELSON_LOG_LEVEL: 'info',
  };
}

interface Load {
  stop(): Promise<{ calls: number; failures: readonly string[] }>;
}

/** Calls without a pause, over connections that are kept, until it is stopped. Every call is safe to repeat. */
async function startLoad(address: string, token: string): Promise<Load> {
  let stopped = false;
  let calls = 0;
  const failures: string[] = [];
  const clients = Array.from({ length: CALLERS }, () => createClient(DocumentServiceDefinition, { address, token }));
  await clients[0]?.createDocument({ parent: PARENT, documentId: 'a', document: {} });
  const callers = clients.map(async (client, index) => {
    for (let n = 0; !stopped; n += 1) {
      const call =
        n % 4 === 0
          ? client.createDocument({ parent: PARENT, documentId: `${index}-${n}`, document: {} })
          : client.getDocument({ name: NAME });
      await call.catch(
        (err: unknown) =>
          void failures.push(String(err instanceof CallError ? `${err.codeName}: ${err.message}` : err)),
      );
      calls += 1;
      // Enough to be under load all the time, and not so much that the restarts take for ever.
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  });
  return {
    async stop() {
      stopped = true;
      await Promise.all(callers);
      for (const client of clients) client.close();
      return { calls, failures };
    },
  };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}
