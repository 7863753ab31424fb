import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { DocumentServiceDefinition } from '../../gen/keelson/documents/v1/document_service.js';
import { CallError } from '../../src/rpc/client/call-error.js';
import { createClient, type ServiceClient } from '../../src/rpc/client/create-client.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { describeMongo } from '../support/describe-mongo.js';
import { rejection } from '../support/rejection.js';

const KIB = 1024;
const MIB = 1024 * KIB;
/** Starting and stopping a server includes its database's. */
const HOOK_MS_MAX = 60_000;
/** What the JSON of `{"s":""}` takes beside its text. */
const JSON_AROUND_TEXT = 8;

describe('the document service, on the embedded engine', () => testDocuments(() => ({})));

describeMongo('the document service, on MongoDB', (server) =>
  testDocuments(() => ({ KEELSON_STORE_URL: server().urlOf(`keelson_e2e_${randomUUID().slice(0, 8)}`) })),
);

function testDocuments(settings: () => Readonly<Record<string, string>>): void {
  let app: TestApp;
  let documents: ServiceClient<typeof DocumentServiceDefinition>;
  let parent: string;
  let serial = 0;

  before(async function () {
    this.timeout(HOOK_MS_MAX);
    app = await startTestApp(settings());
    documents = createClient(DocumentServiceDefinition, app);
  });

  after(async function () {
    this.timeout(HOOK_MS_MAX);
    documents.close();
    await app.close();
  });

  beforeEach(() => {
    serial += 1;
    parent = `collections/c${serial}`;
  });

  const create = (documentId: string, fields: Record<string, unknown> = {}) =>
    documents.createDocument({ parent, documentId, document: { fields } });

  describe('CreateDocument', () => {
    it('gives name, etag, revision and times', async () => {
      const startMs = Date.now();

      const document = await create('a', { n: 1 });

      expect(document.name).to.equal(`${parent}/documents/a`);
      expect(document.etag).to.match(/^[\w-]+$/);
      expect(Number(document.createTime?.seconds) * 1000).to.be.within(startMs - 1000, Date.now());
      expect(document.updateTime).to.deep.equal(document.createTime);
      expect(await documents.getDocument({ name: document.name })).to.deep.equal(document);
    });

    it('makes ids that sort by the time of creation', async () => {
      const names = [];
      for (let i = 0; i < 5; i += 1) names.push((await create('')).name);

      expect(names).to.deep.equal([...names].sort());
      expect(new Set(names).size).to.equal(5);
    });

    it('fails with ALREADY_EXISTS when the name is taken', async () => {
      await create('a');

      const err = await rejection(create('a'), CallError);

      expect(err).to.include({ codeName: 'ALREADY_EXISTS', reason: 'RESOURCE_EXISTS' });
    });

    it('lets one of many that race for a name win', async () => {
      const outcomes = await Promise.allSettled(Array.from({ length: 20 }, (_, n) => create('a', { n })));

      expect(outcomes.filter(({ status }) => status === 'fulfilled')).to.have.length(1);
    });

    context('when it is repeated with its request_id', () => {
      it('gives the first answer, whatever came in between', async () => {
        const request = { parent, document: { fields: { n: 1 } }, requestId: randomUUID() };
        const first = await documents.createDocument(request);
        await documents.deleteDocument({ name: first.name });

        const again = await documents.createDocument(request);

        expect(again).to.deep.equal(first);
        expect((await rejection(documents.getDocument({ name: first.name }), CallError)).codeName).to.equal(
          'NOT_FOUND',
        );
      });

      it('acts once when both are under way', async () => {
        const request = { parent, document: { fields: { n: 1 } }, requestId: randomUUID() };

        const answers = await Promise.all(Array.from({ length: 10 }, () => documents.createDocument(request)));

        expect(new Set(answers.map(({ name }) => name)).size).to.equal(1);
        expect((await documents.listDocuments({ parent })).documents).to.have.length(1);
      });

      it('fails when the request is another', async () => {
        const requestId = randomUUID();
        await documents.createDocument({ parent, document: { fields: { n: 1 } }, requestId });

        const other = documents.createDocument({ parent, document: { fields: { n: 2 } }, requestId });

        expect(await rejection(other, CallError)).to.include({
          codeName: 'INVALID_ARGUMENT',
          reason: 'REQUEST_ID_REUSED',
        });
      });
    });

    it('stores hostile keys and values as they are', async () => {
      const fields = JSON.parse(
        '{"__proto__":{"x":1},"constructor":null,"$where":"1","a.b":{"$gt":""},"":0,"\\u0000":"\\u0000","é":"e\\u0301","😀":-1.5e-300}',
      ) as Record<string, unknown>;

      const document = await create('a', fields);
      const read = await documents.getDocument({ name: document.name });

      expect(JSON.stringify(read.fields)).to.equal(JSON.stringify(fields));
    });

    for (const [what, value] of [
      ['NaN', NaN],
      ['infinity', -Infinity],
    ] as const) {
      it(`refuses ${what} and says where it is`, async () => {
        const err = await rejection(create('a', { list: [1, { 'x y': value }] }), CallError);

        expect(err).to.include({ codeName: 'INVALID_ARGUMENT', reason: 'INVALID_REQUEST' });
        expect(err.violations[0]?.field).to.equal('document.fields.list[1].`x y`');
      });
    }

    it('takes 1 MiB and refuses one byte more', async () => {
      await create('a', { s: 'x'.repeat(MIB - JSON_AROUND_TEXT) });

      const err = await rejection(create('b', { s: 'x'.repeat(MIB - JSON_AROUND_TEXT + 1) }), CallError);

      expect(err.violations[0]).to.deep.equal({
        field: 'document.fields',
        description: 'must be at most 1048576 bytes as JSON, is 1048577',
      });
    });

    it('takes 30 levels and refuses one more', async () => {
      await create('a', nested(30));

      const err = await rejection(create('b', nested(31)), CallError);

      expect(err.codeName).to.equal('INVALID_ARGUMENT');
      expect(err.violations[0]?.description).to.equal('must be at most 30 levels deep');
    });

    for (const levels of [34, 2000]) {
      it(`refuses ${levels} levels, which no decoder takes, over HTTP`, async () => {
        const response = await fetch(`${app.http}/v1/${parent}/documents`, {
          method: 'POST',
          headers: { authorization: `Bearer ${app.token}`, 'content-type': 'application/json' },
          body: JSON.stringify({ fields: nested(levels) }),
        });

        expect(response.status).to.equal(400);
        expect(await response.json()).to.have.nested.property('error.status', 'INVALID_ARGUMENT');
      });
    }
  });

  describe('UpdateDocument', () => {
    it('replaces the whole content without a mask', async () => {
      const { name } = await create('a', { x: 1, y: 2 });

      const updated = await documents.updateDocument({ document: { name, fields: { z: 3 } } });

      expect(updated.fields).to.deep.equal({ z: 3 });
    });

    it('changes what the mask names, and gives a new etag and revision', async () => {
      const before = await create('a', { x: 1, y: { deep: 1, kept: true } });

      const updated = await documents.updateDocument({
        document: { name: before.name, fields: { y: { deep: 2 } } },
        updateMask: ['fields.y.deep', 'fields.x'],
      });

      expect(updated.fields).to.deep.equal({ y: { deep: 2, kept: true } });
      expect(updated.etag).not.to.equal(before.etag);
      expect(updated.revision > before.revision).to.equal(true);
      expect(updated.createTime).to.deep.equal(before.createTime);
      expect(await documents.getDocument({ name: before.name })).to.deep.equal(updated);
    });

    it('fails with ABORTED when the etag is stale', async () => {
      const { name, etag } = await create('a', { n: 1 });
      await documents.updateDocument({ document: { name, etag, fields: { n: 2 } } });

      const err = await rejection(documents.updateDocument({ document: { name, etag, fields: { n: 3 } } }), CallError);

      expect(err).to.include({ codeName: 'ABORTED', reason: 'ETAG_MISMATCH' });
      expect((await documents.getDocument({ name })).fields).to.deep.equal({ n: 2 });
    });

    it('fails with NOT_FOUND when there is no such document', async () => {
      const err = await rejection(documents.updateDocument({ document: { name: `${parent}/documents/a` } }), CallError);

      expect(err).to.include({ codeName: 'NOT_FOUND', reason: 'RESOURCE_NOT_FOUND' });
    });

    for (const path of ['name', 'etag', 'fields..x', 'create_time', '']) {
      it(`refuses the mask "${path}" and names it`, async () => {
        const { name } = await create('a');

        const err = await rejection(documents.updateDocument({ document: { name }, updateMask: [path] }), CallError);

        expect(err.violations[0]?.field).to.equal('update_mask');
        expect(err.violations[0]?.description).to.include(`path "${path}"`);
      });
    }

    it('loses none of many changes of different parts at once', async () => {
      const { name } = await create('a');
      const keys = Array.from({ length: 25 }, (_, n) => `k${n}`);

      await Promise.all(
        keys.map((key) =>
          documents.updateDocument({ document: { name, fields: { [key]: 1 } }, updateMask: [`fields.${key}`] }),
        ),
      );

      expect((await documents.getDocument({ name })).fields).to.have.all.keys(keys);
    });
  });

  describe('DeleteDocument', () => {
    it('deletes, and fails with NOT_FOUND the second time', async () => {
      const { name } = await create('a');
      await documents.deleteDocument({ name });

      expect((await rejection(documents.getDocument({ name }), CallError)).codeName).to.equal('NOT_FOUND');
      expect((await rejection(documents.deleteDocument({ name }), CallError)).codeName).to.equal('NOT_FOUND');
    });

    it('fails with ABORTED when the etag is stale', async () => {
      const { name, etag } = await create('a');
      await documents.updateDocument({ document: { name, fields: { n: 2 } } });

      expect(await rejection(documents.deleteDocument({ name, etag }), CallError)).to.include({
        codeName: 'ABORTED',
        reason: 'ETAG_MISMATCH',
      });
    });

    it('does not take the etag of a document that was created again for that of the one before', async () => {
      const { name, etag } = await create('a');
      await documents.deleteDocument({ name });
      await create('a');

      expect((await rejection(documents.deleteDocument({ name, etag }), CallError)).codeName).to.equal('ABORTED');
    });
  });

  describe('ListDocuments', () => {
    it('gives every document once, in the order of names, page by page', async () => {
      const ids = ['b', 'a', 'B', 'a.b', 'a-b', '~', '_', '10', '9'];
      const allowed = ids.filter((id) => id !== '~');
      await Promise.all(allowed.map((id) => create(id)));

      const names: string[] = [];
      let pageToken = '';
      do {
        const page = await documents.listDocuments({ parent, pageSize: 3, pageToken });
        names.push(...page.documents.map(({ name }) => name));
        ({ nextPageToken: pageToken } = page);
      } while (pageToken !== '');

      expect(names).to.deep.equal(allowed.map((id) => `${parent}/documents/${id}`).sort());
    });

    it('is empty for a collection without documents', async () => {
      expect(await documents.listDocuments({ parent })).to.deep.equal({ documents: [], nextPageToken: '' });
    });

    it('does not show a collection whose name begins alike', async () => {
      await create('a');
      await documents.createDocument({ parent: `${parent}0`, documentId: 'x', document: {} });
      await documents.createDocument({ parent: `${parent}-b`, documentId: 'x', document: {} });

      const { documents: found } = await documents.listDocuments({ parent });

      expect(found.map(({ name }) => name)).to.deep.equal([`${parent}/documents/a`]);
    });

    it('keeps a page of large documents within a message', async () => {
      const large = { s: 'x'.repeat(900 * KIB) };
      for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) await create(id, large);

      const first = await documents.listDocuments({ parent });
      const second = await documents.listDocuments({ parent, pageToken: first.nextPageToken });

      expect(first.documents.length).to.be.within(1, 4);
      expect(second.documents[0]?.name).not.to.equal(first.documents.at(-1)?.name);
    });

    it('refuses the page token of another collection', async () => {
      await create('a');
      await create('b');
      const { nextPageToken } = await documents.listDocuments({ parent, pageSize: 1 });

      const err = await rejection(
        documents.listDocuments({ parent: 'collections/other', pageToken: nextPageToken }),
        CallError,
      );

      expect(err.violations).to.deep.equal([{ field: 'page_token', description: 'belongs to another query' }]);
    });

    it('refuses a negative page size, and takes one over the most as the most', async () => {
      await create('a');

      const err = await rejection(documents.listDocuments({ parent, pageSize: -1 }), CallError);

      expect(err.violations[0]?.field).to.equal('page_size');
      expect((await documents.listDocuments({ parent, pageSize: 2 ** 31 - 1 })).documents).to.have.length(1);
    });

    it('finds by a filter, in an order', async () => {
      for (const [id, total] of Object.entries({ a: 5, b: 50, c: 20, d: 'many' })) await create(id, { total });
      const idsBy = async (query: { filter?: string; orderBy?: string }) =>
        (await documents.listDocuments({ parent, ...query })).documents.map(({ name }) => name.slice(-1));

      expect(await idsBy({ filter: 'fields.total > 5', orderBy: 'fields.total desc' })).to.deep.equal(['b', 'c']);
      expect(await idsBy({ filter: 'NOT fields.total > 5' })).to.deep.equal(['a', 'd']);
      expect(await idsBy({ orderBy: 'create_time desc' })).to.deep.equal(['d', 'c', 'b', 'a']);
      expect(await idsBy({ filter: 'create_time < 2001-01-01T00:00:00Z' })).to.deep.equal([]);
    });

    it('says where a filter or an order is wrong', async () => {
      const cases = [
        [{ filter: 'fields.a = ' }, 'filter', 'at position 11: expected a value, found the end'],
        [{ filter: 'size(fields) > 1' }, 'filter', 'at position 4: expected a comparator: there are no functions'],
        [{ orderBy: 'name up' }, 'order_by', 'at position 5: expected "," or the end'],
      ] as const;
      for (const [query, field, description] of cases) {
        const err = await rejection(documents.listDocuments({ parent, ...query }), CallError);
        expect(err).to.include({ codeName: 'INVALID_ARGUMENT', reason: 'INVALID_REQUEST' });
        expect(err.violations).to.deep.equal([{ field, description }]);
      }
    });
  });
}

function nested(levels: number): Record<string, unknown> {
  let value: Record<string, unknown> = {};
  for (let level = 1; level < levels; level += 1) value = { v: value };
  return value;
}
