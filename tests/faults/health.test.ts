import { expect } from 'chai';
import { HealthCheckResponse_ServingStatus as ServingStatus, HealthDefinition } from '../../gen/health/v1/health.js';
import { createClient, type ServiceClient } from '../../src/rpc/client/create-client.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { skipWithoutMongo, startMongoServer } from '../support/mongo-server.js';
import { startRedisServer } from '../support/redis-server.js';
import { requireTool } from '../support/require-tool.js';

const DOCUMENTS = 'keelson.documents.v1.DocumentService';
const HEALTH = 'grpc.health.v1.Health';
const NOTICED_MS_MAX = 20_000;

describe('the health of a server', function () {
  this.timeout(60_000);
  const closers: (() => unknown)[] = [];

  afterEach(async () => {
    for (const close of closers.splice(0).toReversed()) await close();
  });

  async function start(settings: Readonly<Record<string, string>>): Promise<{ app: TestApp; client: HealthClient }> {
    const app = await startTestApp({
      KEELSON_ADMIN_LISTEN: '127.0.0.1:0',
      KEELSON_DRAIN_TIMEOUT_MS: '500',
      ...settings,
    });
    closers.push(() => app.close());
    const client = createClient(HealthDefinition, { address: app.address });
    closers.push(() => client.close());
    return { app, client };
  }

  async function readyz({ admin }: TestApp): Promise<{ status: number; text: string }> {
    const response = await fetch(`${admin}/readyz`);
    return { status: response.status, text: await response.text() };
  }

  /** Looks until it is there: how long it may take is the test's own limit. */
  async function untilReadyzSays(app: TestApp, wanted: RegExp): Promise<{ status: number; text: string }> {
    const giveUpAt = Date.now() + NOTICED_MS_MAX;
    for (;;) {
      const seen = await readyz(app);
      if (wanted.test(seen.text) || Date.now() > giveUpAt) return seen;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  it('tells within seconds that the database is lost, and who does not serve for it', async function () {
    const mongo = await startMongoServer();
    if (mongo === undefined || mongo.isReal) return skipWithoutMongo(this);
    closers.push(() => mongo.stop());
    const { app, client } = await start({ KEELSON_STORE_URL: mongo.urlOf('health') });
    const watch = client.watch({ service: DOCUMENTS })[Symbol.asyncIterator]();
    const next = async () => ((await watch.next()).value as { status: ServingStatus }).status;
    expect(await next()).to.equal(ServingStatus.SERVING);
    expect(await readyz(app)).to.deep.equal({ status: 200, text: 'ready\n' });

    await mongo.stop();

    expect(await next()).to.equal(ServingStatus.NOT_SERVING);
    expect((await client.check({ service: DOCUMENTS })).status).to.equal(ServingStatus.NOT_SERVING);
    expect((await client.check({ service: '' })).status).to.equal(ServingStatus.NOT_SERVING);
    expect((await client.check({ service: HEALTH })).status).to.equal(ServingStatus.SERVING);
    expect(await readyz(app)).to.deep.equal({
      status: 503,
      text: 'not ready\ndatabase: lost, services that need it do not serve\n',
    });
    expect((await fetch(`${app.http}/readyz`)).status).to.equal(503);
    expect((await fetch(`${app.admin}/healthz`)).status).to.equal(200);
  });

  context('that works with Redis', () => {
    before(requireTool('redis'));

    it('stays as it is when Redis is lost, and says so', async () => {
      const redis = await startRedisServer();
      closers.push(() => redis.stop());
      const { app, client } = await start({ KEELSON_REDIS_URL: redis.url });
      expect(await untilReadyzSays(app, /^ready\n$/)).to.deep.equal({ status: 200, text: 'ready\n' });

      await redis.stop();

      expect(await untilReadyzSays(app, /redis/)).to.deep.equal({
        status: 200,
        text: 'ready\nredis: lost, calls are served without it, and reads ask the database\n',
      });
      expect((await client.check({ service: DOCUMENTS })).status).to.equal(ServingStatus.SERVING);
      const headers = { authorization: `Bearer ${app.token}` };
      expect((await fetch(`${app.http}/v1/collections/notes/documents`, { headers })).status).to.equal(200);

      const again = await startRedisServer({ port: redis.port });
      closers.push(() => again.stop());
      expect(await untilReadyzSays(app, /^ready\n$/)).to.deep.equal({ status: 200, text: 'ready\n' });
    });
  });
});

type HealthClient = ServiceClient<typeof HealthDefinition>;
