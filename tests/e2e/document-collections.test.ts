import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { OperationsDefinition } from '../../gen/google/longrunning/operations.js';
import {
  BuildIndexMetadata,
  CollectionServiceDefinition,
  IndexState,
} from '../../gen/keelson/documents/v1/collection_service.js';
import { DocumentServiceDefinition } from '../../gen/keelson/documents/v1/document_service.js';
import { CallError } from '../../src/rpc/client/call-error.js';
import { createClient, type ServiceClient } from '../../src/rpc/client/create-client.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { describeMongo } from '../support/describe-mongo.js';
import { rejection } from '../support/rejection.js';

const HOOK_MS_MAX = 60_000;
const BUILD_MS_MAX = 60_000;

describe('the collection service, on the embedded engine', () => testCollections(() => ({})));

describeMongo('the collection service, on MongoDB', (server) =>
  testCollections(() => ({ KEELSON_STORE_URL: server().urlOf(`keelson_e2e_${randomUUID().slice(0, 8)}`) })),
);

function testCollections(settings: () => Readonly<Record<string, string>>): void {
  let app: TestApp;
  let collections: ServiceClient<typeof CollectionServiceDefinition>;
  let documents: ServiceClient<typeof DocumentServiceDefinition>;
  let operations: ServiceClient<typeof OperationsDefinition>;
  let parent: string;
  let serial = 0;

  before(async function () {
    this.timeout(HOOK_MS_MAX);
    app = await startTestApp(settings());
    collections = createClient(CollectionServiceDefinition, app);
    documents = createClient(DocumentServiceDefinition, app);
    operations = createClient(OperationsDefinition, app);
  });

  after(async function () {
    this.timeout(HOOK_MS_MAX);
    for (const client of [collections, documents, operations]) client.close();
    await app.close();
  });

  beforeEach(() => {
    serial += 1;
    parent = `collections/s${serial}`;
  });

  const declare = (collection: object = {}) =>
    collections.createCollection({ collectionId: parent.slice('collections/'.length), collection });
  const put = (documentId: string, fields: Record<string, unknown>) =>
    documents.createDocument({ parent, documentId, document: { fields } });
  const putMany = async (fields: readonly Record<string, unknown>[]) => {
    for (let from = 0; from < fields.length; from += 50) {
      const writes = fields.slice(from, from + 50).map((one, index) => ({
        operation: { $case: 'update', value: { name: `${parent}/documents/d${from + index}`, fields: one } } as const,
      }));
      await documents.commitDocuments({ parent, writes });
    }
  };
  const build = async (indexId: string, index: { orderBy: string; unique?: boolean; sparse?: boolean }) => {
    const { name } = await collections.createIndex({ parent, indexId, index });
    return operations.waitOperation({ name, timeout: { seconds: 15n, nanos: 0 } });
  };
  const names = async (query: { filter?: string; orderBy?: string }) => {
    const found: string[] = [];
    for await (const { documents: some } of documents.queryDocuments({ parent, ...query })) {
      found.push(...some.map(({ name }) => name.slice(name.lastIndexOf('/') + 1)));
    }
    return found;
  };

  describe('the standard methods', () => {
    it('keep settings, and change those that a mask names', async () => {
      const created = await declare({ schema: { type: 'object' }, retention: { seconds: 90n, nanos: 0 } });
      const updated = await collections.updateCollection({
        collection: { name: parent, etag: created.etag, ttlField: 'fields.until' },
        updateMask: ['ttl_field'],
      });

      expect(updated).to.deep.include({ name: parent, schema: { type: 'object' }, ttlField: 'fields.until' });
      expect(updated.retention).to.deep.equal({ seconds: 90n, nanos: 0 });
      expect(await collections.getCollection({ name: parent })).to.deep.equal(updated);
      const { collections: listed } = await collections.listCollections({ pageSize: 1000 });
      expect(listed.map(({ name }) => name)).to.include(parent);
    });

    it('refuse a change of settings that were changed meanwhile', async () => {
      const { etag } = await declare();
      await collections.updateCollection({ collection: { name: parent, ttlField: 'fields.a' } });

      const late = collections.updateCollection({ collection: { name: parent, etag, ttlField: 'fields.b' } });

      expect(await rejection(late, CallError)).to.include({ reason: 'ETAG_MISMATCH' });
    });

    it('delete an empty collection, and one with documents only by force', async () => {
      await declare();
      await build('by-n', { orderBy: 'fields.n' });
      await putMany(Array.from({ length: 30 }, (_, n) => ({ n })));

      const refused = await rejection(collections.deleteCollection({ name: parent }), CallError);
      expect(refused).to.include({ codeName: 'FAILED_PRECONDITION', reason: 'COLLECTION_NOT_EMPTY' });

      await collections.deleteCollection({ name: parent, force: true });
      expect(await names({})).to.deep.equal([]);
      const gone = await rejection(collections.getCollection({ name: parent }), CallError);
      expect(gone.reason).to.equal('RESOURCE_NOT_FOUND');
      await put('after', { n: 1 });
    }).timeout(BUILD_MS_MAX);
  });

  describe('a schema', () => {
    const schema = {
      type: 'object',
      properties: { total: { type: 'number', minimum: 0 }, code: { type: 'string', pattern: '^[A-Z]{3}$' } },
      required: ['total'],
      additionalProperties: false,
    };

    it('refuses what breaks it, with the place, however it is written', async () => {
      await declare({ schema });
      await put('good', { total: 1, code: 'ABC' });

      const created = await rejection(put('bad', { total: -1 }), CallError);
      expect(created.violations.map(({ field }) => field)).to.deep.equal(['document.fields.total']);
      const updated = documents.updateDocument({
        document: { name: `${parent}/documents/good`, fields: { code: 'abc' } },
        updateMask: ['fields.code'],
      });
      expect((await rejection(updated, CallError)).violations[0]?.field).to.equal('document.fields.code');
      const committed = documents.commitDocuments({
        parent,
        writes: [
          { operation: { $case: 'delete', value: `${parent}/documents/good` } },
          { operation: { $case: 'update', value: { name: `${parent}/documents/x`, fields: { total: 1, extra: 2 } } } },
        ],
      });
      const refused = await rejection(committed, CallError);
      expect(refused.violations[0]?.field).to.equal('writes[1].update.fields');
      expect(await names({})).to.deep.equal(['good']);
    });

    it('holds from the next write on when it is changed', async () => {
      await declare({ schema });
      await put('a', { total: 1 });

      await collections.updateCollection({ collection: { name: parent, schema: { required: ['other'] } } });

      expect((await rejection(put('b', { total: 1 }), CallError)).reason).to.equal('INVALID_REQUEST');
      await put('c', { other: 1 });
    });

    for (const [what, bad] of Object.entries({
      'is no schema': { type: 'nothing' },
      'has an unknown keyword': { whatever: true },
      'refers elsewhere': { $ref: 'https://example.com/schema' },
      'refers to itself': { properties: { a: { $ref: '#' } } },
      'doubles with each reference': {
        $ref: '#/$defs/a0',
        $defs: Object.fromEntries(
          Array.from({ length: 20 }, (_, n) => [
            `a${n}`,
            n === 19 ? { type: 'string' } : { anyOf: [{ $ref: `#/$defs/a${n + 1}` }, { $ref: `#/$defs/a${n + 1}` }] },
          ]),
        ),
      },
      'has a pattern that looks back': { pattern: '(a)\\1' },
      'compares each with each of any number': { uniqueItems: true },
    })) {
      it(`is refused when it ${what}`, async () => {
        const err = await rejection(declare({ schema: bad }), CallError);

        expect(err.violations.map(({ field }) => field)).to.deep.equal(['collection.schema']);
      });
    }

    it('judges a text that brings other engines to a halt', async () => {
      await declare({ schema: { properties: { s: { pattern: '^(a+)+$' } } } });
      const startMs = performance.now();

      await rejection(put('a', { s: `${'a'.repeat(5_000)}!` }), CallError);

      expect(performance.now() - startMs).to.be.below(2_000);
    });
  });

  describe('an expiry', () => {
    it('takes documents away whose field says so, or whose retention is over', async () => {
      await declare({ ttlField: 'fields.until' });
      await put('past', { until: '2001-01-01T00:00:00+02:00' });
      const future = await put('future', { until: '2101-01-01T00:00:00Z' });
      await put('other', { until: 5 });

      expect(future.expireTime?.seconds).to.equal(BigInt(Date.UTC(2101, 0, 1) / 1000));
      expect(await names({})).to.deep.equal(['future', 'other']);
      const { documents: listed } = await documents.listDocuments({ parent });
      expect(listed).to.have.length(2);
      const got = await rejection(documents.getDocument({ name: `${parent}/documents/past` }), CallError);
      expect(got.reason).to.equal('RESOURCE_NOT_FOUND');
      await put('past', { until: '2101-01-01T00:00:00Z' });
    });
  });

  describe('an index', () => {
    it('is built of what is there, and kept by every write', async () => {
      await declare();
      await putMany(Array.from({ length: 250 }, (_, n) => ({ n: n % 7, state: n % 2 === 0 ? 'even' : 'odd' })));

      const operation = await build('by-state', { orderBy: 'fields.state, fields.n desc' });

      expect(operation).to.deep.include({ done: true });
      const metadata = BuildIndexMetadata.decode(operation.metadata?.value ?? new Uint8Array());
      expect(metadata).to.deep.include({ index: `${parent}/indexes/by-state`, indexedCount: 250n });
      const index = await collections.getIndex({ name: `${parent}/indexes/by-state` });
      expect(index.state).to.equal(IndexState.INDEX_STATE_READY);
      await put('late', { n: 9, state: 'odd' });
      await documents.deleteDocument({ name: `${parent}/documents/d1` });
      const found = await names({ filter: 'fields.state = "odd"', orderBy: 'fields.n desc' });
      expect(found[0]).to.equal('late');
      expect(found).to.have.length(125);
      expect(found).not.to.include('d1');
    }).timeout(BUILD_MS_MAX);

    it('gives lists page by page in its order', async () => {
      await declare();
      await build('by-n', { orderBy: 'fields.n' });
      const values = [5, 'b', null, -1, 0.5, true, 'a', 1e300, false, -1e-300];
      await putMany(values.map((n) => ({ n })));
      await put('none', {});

      const seen: string[] = [];
      for (let pageToken = ''; ;) {
        const page = await documents.listDocuments({ parent, orderBy: 'fields.n', pageSize: 2, pageToken });
        seen.push(...page.documents.map(({ name }) => name.slice(name.lastIndexOf('/') + 1)));
        pageToken = page.nextPageToken;
        if (pageToken === '') break;
      }

      const sorted = ['none', 'd2', 'd8', 'd5', 'd3', 'd9', 'd4', 'd0', 'd7', 'd6', 'd1'];
      expect(seen).to.deep.equal(sorted);
      expect(await names({ orderBy: 'fields.n desc' })).to.deep.equal(sorted.toReversed());
    }).timeout(BUILD_MS_MAX);

    context('that is unique', () => {
      it('lets one of many that race for a key win', async () => {
        await declare();
        await build('mail', { orderBy: 'fields.mail', unique: true, sparse: true });

        const outcomes = await Promise.allSettled(Array.from({ length: 10 }, (_, n) => put(`u${n}`, { mail: 'a@b' })));

        expect(outcomes.filter(({ status }) => status === 'fulfilled')).to.have.length(1);
        const refused = outcomes.find((outcome) => outcome.status === 'rejected');
        expect(refused?.reason).to.include({ codeName: 'FAILED_PRECONDITION', reason: 'UNIQUE_CONFLICT' });
        await put('x', {});
        await put('y', {});
      }).timeout(BUILD_MS_MAX);

      it('frees a key with its document, and gives that of an expired one away', async () => {
        await declare({ ttlField: 'fields.until' });
        await build('mail', { orderBy: 'fields.mail', unique: true });
        await put('a', { mail: 'x' });
        await documents.deleteDocument({ name: `${parent}/documents/a` });
        await put('b', { mail: 'x', until: '2001-01-01T00:00:00Z' });

        await put('c', { mail: 'x' });

        expect((await rejection(put('b', { mail: 'x' }), CallError)).reason).to.equal('UNIQUE_CONFLICT');
        await put('b', { mail: 'y' });
        expect(await names({ orderBy: 'fields.mail' })).to.deep.equal(['c', 'b']);
      }).timeout(BUILD_MS_MAX);

      it('cannot be built where two documents have one key, and is gone then', async () => {
        await declare();
        await put('a', { mail: 'x' });
        await put('b', { mail: 'x' });

        const { done, result } = await build('mail', { orderBy: 'fields.mail', unique: true });

        expect(done).to.equal(true);
        expect(result).to.have.nested.property('value.code', 9);
        expect((await collections.listIndexes({ parent })).indexes).to.deep.equal([]);
        await put('c', { mail: 'x' });
      }).timeout(BUILD_MS_MAX);
    });

    it('takes documents that lack its fields for equal, and leaves them out where it is sparse', async () => {
      await declare();
      await put('a', {});
      await put('b', { other: 1 });
      await put('c', { mail: 'x' });
      const compound = { orderBy: 'fields.mail, fields.n' };

      const { result } = await build('all', { ...compound, unique: true });
      expect(result).to.have.nested.property('value.code', 9);
      const sparse = await build('sparse', { ...compound, unique: true, sparse: true });
      expect(sparse.result?.$case).to.equal('response');

      await put('d', {});
      // One of the fields is enough to be in, and what is missing is a value.
      const same = await rejection(put('e', { mail: 'x' }), CallError);
      expect(same).to.include({ reason: 'UNIQUE_CONFLICT' });
      await put('f', { mail: 'x', n: null });
      expect(await names({ orderBy: 'fields.mail, fields.n' })).to.deep.equal(['a', 'b', 'd', 'c', 'f']);
    }).timeout(BUILD_MS_MAX);

    it('refuses a value that is too long for a key', async () => {
      await declare();
      await build('by-s', { orderBy: 'fields.s' });

      const err = await rejection(put('a', { s: 'x'.repeat(600) }), CallError);

      expect(err).to.include({ reason: 'INVALID_REQUEST' });
      await put('b', { s: 'x'.repeat(450) });
    }).timeout(BUILD_MS_MAX);

    it('is deleted with a build that is cancelled', async () => {
      await declare();
      await put('a', { n: 1 });
      const { name } = await collections.createIndex({ parent, indexId: 'i', index: { orderBy: 'fields.n' } });

      await operations.cancelOperation({ name });

      const operation = await operations.waitOperation({ name });
      expect(operation.done).to.equal(true);
    }).timeout(BUILD_MS_MAX);
  });

  describe('a caller without permission', () => {
    it('is told the same of what is there and of what is not', async () => {
      await declare();
      await put('a', {});
      const stranger = { ...app, token: 'nothing' };
      const calls = createClient(DocumentServiceDefinition, stranger);

      const there = await rejection(calls.getDocument({ name: `${parent}/documents/a` }), CallError);
      const missing = await rejection(calls.getDocument({ name: `${parent}/documents/b` }), CallError);

      expect(there).to.include({ codeName: missing.codeName, reason: missing.reason });
      calls.close();
    });
  });
}
