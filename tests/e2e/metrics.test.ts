import { expect } from 'chai';
import { DocumentServiceDefinition } from '../../gen/keelson/documents/v1/document_service.js';
import { createClient } from '../../src/rpc/client/create-client.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { readText } from '../support/repository.js';

describe('the metrics of a server', () => {
  let app: TestApp;

  before(async () => {
    app = await startTestApp({ KEELSON_ADMIN_LISTEN: '127.0.0.1:0' });
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

  it('are those that docs/metrics.md explains, and no others', async () => {
    const text = await (await fetch(`${app.admin}/metrics`)).text();

    const shown = [...text.matchAll(/^# TYPE (keelson_\w+)/gm)].map(([, metric]) => metric);
    const explained = [...readText('docs/metrics.md').matchAll(/`(keelson_\w+)`/g)].map(([, metric]) => metric);
    expect(shown).to.have.members([...new Set(explained)]);
  });
});
