import { expect } from 'chai';
import { DOCUMENT_RESOURCES } from '../../src/document-services.js';
import { createLedger, type Ledger } from '../../src/ledger/ledger.js';
import { createDocuments, type Documents } from '../../src/repositories/documents.js';
import { sweepableDocuments } from '../../src/repositories/documents/expired-documents.js';
import { INDEX_ENTRIES_COLLECTION, UNIQUE_KEYS_COLLECTION } from '../../src/repositories/documents/index-entries.js';
import {
  COLLECTIONS_COLLECTION,
  type IndexRecord,
  type IndexState,
} from '../../src/repositories/documents/settings.js';
import { declareResources } from '../../src/repositories/resource.js';
import { startSweeper, SWEEP_GRACE_MS } from '../../src/repositories/sweeper.js';
import { createEmbeddedEngine } from '../support/embedded-engine.js';
import { describeMongo } from '../support/describe-mongo.js';
import type { CreateEngine, Engine } from '../support/engine.js';
import { createMongoEngine } from '../support/mongo-engine.js';
import { SILENT_LOGGER } from '../support/silent-logger.js';

const HOOK_MS_MAX = 60_000;
const TEST_MS_MAX = 120_000;
const NOON = Date.parse('2024-05-01T12:00:00Z');
const SOON = '2024-05-01T12:00:01Z';
const PARENT = 'collections/shop';
/** With their entries, more than one commit takes. */
const EXPIRING = 150;

describe('sweeping expired documents, on the embedded engine', () => testSweeping(createEmbeddedEngine));
describeMongo('sweeping expired documents, on MongoDB', (server) =>
  testSweeping(async () => createMongoEngine(server())),
);

function testSweeping(createEngine: CreateEngine): void {
  let engine: Engine;
  let ledger: Ledger;
  let documents: Documents;
  let time: number;

  beforeEach(async function () {
    this.timeout(HOOK_MS_MAX);
    time = NOON;
    engine = await createEngine();
    ledger = await createLedger({ store: await engine.open(), logger: SILENT_LOGGER });
    await declareResources(ledger, DOCUMENT_RESOURCES);
    documents = createDocuments(ledger, { now: () => time });
  });
  afterEach(async function () {
    this.timeout(HOOK_MS_MAX);
    await ledger.close();
    await engine.destroy();
  });

  const declare = (state: IndexState) => {
    const index = (id: string, unique: boolean): IndexRecord => ({
      id,
      orderBy: `fields.${id}`,
      unique,
      sparse: false,
      state,
      generation: id,
    });
    const value = { ttl_field: 'fields.until', indexes: [{ ...index('n', true) }, { ...index('kind', false) }] };
    return ledger.commit({ writes: [{ kind: 'put', collection: COLLECTIONS_COLLECTION, id: PARENT, value }] });
  };
  const put = (id: string, fields: { readonly n: number; readonly until?: string }) =>
    documents.create({ parent: PARENT, id, content: { fields: { kind: 'shoe', ...fields } } });
  const entries = async (collection: string) =>
    (await ledger.scan(collection, { limit: 1_000 })).documents.map(({ value }) => value['document']);
  const sweep = async () => {
    time += SWEEP_GRACE_MS + 2_000;
    const resources = [sweepableDocuments(documents.writer.plan)];
    const sweeper = startSweeper({ ledger, resources, now: () => time, log: SILENT_LOGGER, intervalMs: 3_600_000 });
    await sweeper.sweep();
    await sweeper.close();
    return sweeper.swept();
  };

  it('takes what they have in indexes away with them, and nothing of others', async () => {
    await declare('ready');
    await put('stays', { n: -1 });
    for (let n = 0; n < EXPIRING; n += 1) await put(`d${n}`, { n, until: SOON });

    expect(await sweep()).to.deep.equal({ documents: EXPIRING });

    const left = `${PARENT}/documents/stays`;
    expect(await entries('documents')).to.have.length(1);
    expect(await entries(INDEX_ENTRIES_COLLECTION)).to.deep.equal([left, left]);
    expect(await entries(UNIQUE_KEYS_COLLECTION)).to.deep.equal([left]);
  }).timeout(TEST_MS_MAX);

  it('goes by the retention of a collection from the last change of a document on, as it was then', async () => {
    const set = (seconds: number) => {
      const value = { retention: seconds };
      return ledger.commit({ writes: [{ kind: 'put', collection: COLLECTIONS_COLLECTION, id: PARENT, value }] });
    };
    await set(60);
    for (const id of ['old', 'changed']) await put(id, { n: 1 });
    time += 30_000;
    await documents.update({
      name: `${PARENT}/documents/changed`,
      content: { fields: { n: 2 } },
      mask: undefined,
      etag: '',
    });
    await set(3_600);
    await put('long', { n: 1 });
    const there = async () => {
      const found = await Promise.all(
        ['old', 'changed', 'long'].map((id) => documents.find(`${PARENT}/documents/${id}`)),
      );
      return found.map((document) => document !== undefined);
    };
    expect(await there()).to.deep.equal([true, true, true]);

    time = NOON + 60_000;
    expect(await there()).to.deep.equal([false, true, true]);
    time = NOON + 90_000;
    expect(await there()).to.deep.equal([false, false, true]);
    expect(await sweep()).to.deep.equal({ documents: 2 });
  }).timeout(TEST_MS_MAX);

  it('leaves a key that somebody else took while the index is built', async () => {
    await ledger.commit({
      writes: [
        {
          kind: 'put',
          collection: 'documents',
          id: `${PARENT}/documents/gone`,
          value: { fields: { kind: 'shoe', n: 1, until: SOON }, expire_time: '2024-05-01T12:00:01.000000000Z' },
        },
      ],
    });
    await declare('building');
    await put('taker', { n: 1 });

    expect(await sweep()).to.deep.equal({ documents: 1 });

    expect(await entries(UNIQUE_KEYS_COLLECTION)).to.deep.equal([`${PARENT}/documents/taker`]);
  }).timeout(TEST_MS_MAX);
}
