import { expect } from 'chai';
import { DocumentServiceDefinition } from '../../gen/keelson/documents/v1/document_service.js';
import { createClient } from '../../src/rpc/client/create-client.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { describeMongo } from '../support/describe-mongo.js';
import { createMongoEngine } from '../support/mongo-engine.js';
import { readText } from '../support/repository.js';

/** Where nothing listens. */
const NO_REDIS = 'redis://127.0.0.1:1';

describe('the metrics of a server', () => {
  let app: TestApp;

  before(async () => {
    app = await startTestApp({ KEELSON_ADMIN_LISTEN: '127.0.0.1:0', KEELSON_REDIS_URL: NO_REDIS });
  });

  after(() => app.close());

  it('show calls, what the cache does, and where the log is', async () => {
    const documents = createClient(DocumentServiceDefinition, app);
    const { name, revision } = await documents.createDocument({ parent: 'collections/notes', document: {} });
    await documents.getDocument({ name });
    await documents.getDocument({ name });
    documents.close();

    const text = await (await fetch(`${app.admin}/metrics`)).text();

    expect(text).to.match(/keelson_calls_total\{.*method="GetDocument".*code="OK"\} 2/);
    expect(text).to.include(`keelson_ledger_revision ${revision}`);
    expect(Number(/keelson_cache_hits_total\{tier="near"\} (\d+)/.exec(text)?.[1])).to.be.greaterThan(0);
    expect(Number(/keelson_cache_misses_total\{cause="absent"\} (\d+)/.exec(text)?.[1])).to.be.greaterThan(0);
    expect(Number(/keelson_cache_bytes (\d+)/.exec(text)?.[1])).to.be.greaterThan(0);
  });

  it('tell by what the alert on Redis rests on that it is away, and nothing of one where there is none', async () => {
    const alert = /alert: KeelsonRedisAway\n +expr: min by \(instance\) \((\w+)\) == 0\n/;
    const [, metric = ''] = alert.exec(readText('deploy/prometheus/alerts.yaml')) ?? [];
    const without = await startTestApp({ KEELSON_ADMIN_LISTEN: '127.0.0.1:0' });
    const [away, none] = await Promise.all(
      [app, without].map(async ({ admin }) => (await fetch(`${admin}/metrics`)).text()),
    );
    await without.close();

    expect(away).to.include(`\n${metric} 0\n`);
    expect(none).not.to.include(metric);
  });

  it('are those that docs/metrics.md explains, and no others', async () => {
    const text = await (await fetch(`${app.admin}/metrics`)).text();

    const shown = [...text.matchAll(/^# TYPE (keelson_\w+)/gm)].map(([, metric]) => metric);
    const explained = [...readText('docs/metrics.md').matchAll(/`(keelson_\w+)`/g)].map(([, metric]) => metric);
    expect(shown).to.have.members([...new Set(explained)]);
  });
});

describeMongo('the metrics of a server that shares a MongoDB database', (server) => {
  it('show how many reads shared a look at the log, and how far the process is behind', async () => {
    const engine = createMongoEngine(server());
    const app = await startTestApp({
      KEELSON_ADMIN_LISTEN: '127.0.0.1:0',
      KEELSON_STORE_URL: engine.url,
      KEELSON_LATENESS_MS_MAX: '60000',
    });
    const documents = createClient(DocumentServiceDefinition, app);
    const read = async (metric: string) => {
      const text = await (await fetch(`${app.admin}/metrics`)).text();
      return Number(
        text
          .split('\n')
          .find((line) => line.startsWith(`${metric} `))
          ?.slice(metric.length),
      );
    };
    const { name } = await documents.createDocument({ parent: 'collections/notes', document: {} });
    const wanted = await read('keelson_ledger_catch_ups_total{part="wanted"}');
    const made = await read('keelson_ledger_catch_ups_total{part="made"}');

    await Promise.all(Array.from({ length: 64 }, () => documents.getDocument({ name })));

    const wantedNow = (await read('keelson_ledger_catch_ups_total{part="wanted"}')) - wanted;
    const madeNow = (await read('keelson_ledger_catch_ups_total{part="made"}')) - made;
    expect(wantedNow).to.be.at.least(64);
    expect(madeNow).to.be.within(1, wantedNow / 2);
    expect(await read('keelson_ledger_lag_revisions')).to.equal(0);
    expect(await read('keelson_ledger_lag_milliseconds')).to.be.within(0, 60_000);
    documents.close();
    await app.close();
    await engine.destroy();
  });
});
