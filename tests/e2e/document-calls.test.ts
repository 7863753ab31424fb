import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { AggregateFunction } from '../../gen/keelson/documents/v1/aggregation.js';
import { DocumentServiceDefinition } from '../../gen/keelson/documents/v1/document_service.js';
import { CallError } from '../../src/rpc/client/call-error.js';
import { createClient, type ServiceClient } from '../../src/rpc/client/create-client.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { describeMongo } from '../support/describe-mongo.js';
import { rejection } from '../support/rejection.js';

const HOOK_MS_MAX = 60_000;

describe('calls on documents, on the embedded engine', () => testCalls(() => ({})));

describeMongo('calls on documents, on MongoDB', (server) =>
  testCalls(() => ({ KEELSON_STORE_URL: server().urlOf(`keelson_e2e_${randomUUID().slice(0, 8)}`) })),
);

function testCalls(settings: () => Readonly<Record<string, string>>): void {
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
    parent = `collections/q${serial}`;
  });

  const nameOf = (id: string) => `${parent}/documents/${id}`;
  const put = (id: string, fields: Record<string, unknown>) =>
    documents.createDocument({ parent, documentId: id, document: { fields } });
  const update = (id: string, fields: Record<string, unknown>) =>
    ({ $case: 'update', value: { name: nameOf(id), fields } }) as const;

  describe('BatchGetDocuments', () => {
    it('gives the parts that a mask names, in the order of the names', async () => {
      await put('a', { x: 1, y: { z: 2, w: 3 } });
      await put('b', { x: 4 });

      const names = [nameOf('b'), nameOf('a')];
      const answer = await documents.batchGetDocuments({ parent, names, readMask: ['fields.y.z'] });

      expect(answer.documents.map(({ fields }) => fields)).to.deep.equal([{}, { y: { z: 2 } }]);
    });

    it('refuses documents of another collection', async () => {
      const names = ['collections/other/documents/a'];

      const err = await rejection(documents.batchGetDocuments({ parent, names }), CallError);

      expect(err.violations[0]?.field).to.equal('names[0]');
    });
  });

  /** Two counters that every commit moves together: at one revision they are equal. */
  async function whileMovingPairs(look: () => AsyncIterable<readonly (readonly [string, unknown])[]>): Promise<void> {
    const pair = (n: number) => ({
      parent,
      writes: [
        { operation: update('a', { n }) },
        { operation: update('z', { n }) },
        { operation: update(`m${n % 40}`, { n }) },
      ],
    });
    await documents.commitDocuments(pair(0));
    let isWriting = true;
    const writing = (async () => {
      for (let n = 1; isWriting; n += 1) await documents.commitDocuments(pair(n));
    })();
    for (let round = 0; round < 15; round += 1) {
      const seen = new Map<string, unknown>();
      for await (const some of look()) {
        for (const [id, n] of some) {
          expect(seen.has(id)).to.equal(false);
          seen.set(id, n);
        }
      }
      expect(seen.get('a')).to.be.a('number').and.to.equal(seen.get('z'));
      expect([...seen.keys()]).to.deep.equal([...seen.keys()].sort());
    }
    isWriting = false;
    await writing;
  }

  describe('ExportDocuments', () => {
    it('shows one revision while others write', () =>
      whileMovingPairs(async function* () {
        const revisions = new Set<bigint>();
        for await (const { items, revision } of documents.exportDocuments({ parent })) {
          revisions.add(revision);
          yield items.map(({ documentId, content }) => {
            const fields = content?.$case === 'json' ? (JSON.parse(content.value) as object) : {};
            return [documentId, Reflect.get(fields, 'n')] as const;
          });
        }
        expect(revisions.size).to.equal(1);
      })).timeout(HOOK_MS_MAX);
  });

  describe('QueryDocuments', () => {
    it('shows one revision while others write', () =>
      whileMovingPairs(async function* () {
        for await (const { documents: some } of documents.queryDocuments({ parent })) {
          yield some.map(({ name, fields }) => [name.slice(nameOf('').length), fields?.['n']] as const);
        }
      })).timeout(HOOK_MS_MAX);

    it('takes filter, order, limit and mask together', async () => {
      const fields = Array.from({ length: 30 }, (_, n) => ({ n, kind: n % 3, noise: 'x' }));
      await documents.commitDocuments({
        parent,
        writes: fields.map((one) => ({ operation: update(`d${one.n}`, one) })),
      });
      const query = { parent, filter: 'fields.kind = 1', orderBy: 'fields.n desc', limit: 3n, readMask: ['fields.n'] };

      const found: unknown[] = [];
      for await (const { documents: some } of documents.queryDocuments(query)) found.push(...some.map((d) => d.fields));

      expect(found).to.deep.equal([{ n: 28 }, { n: 25 }, { n: 22 }]);
    });

    it('is reached from browsers, as events', async () => {
      await put('a', { n: 1 });

      const response = await fetch(`${app.http}/v1/${parent}/documents:query`, {
        headers: { authorization: `Bearer ${app.token}`, accept: 'text/event-stream' },
      });

      expect(await response.text()).to.include('"fields":{"n":1}');
    });
  });

  describe('CountDocuments and AggregateDocuments', () => {
    it('count, and compute by group', async () => {
      const totals = [3, 'x', 4.5, null, -1];
      for (const [index, total] of totals.entries()) await put(`a${index}`, { state: 'open', total });
      await put('b', { state: 'done', total: 10 });
      await put('c', {});
      const of = (alias: string, wanted: AggregateFunction) => ({ alias, function: wanted, field: 'fields.total' });

      expect((await documents.countDocuments({ parent, filter: 'fields.state = "open"' })).count).to.equal(5n);
      const { groups } = await documents.aggregateDocuments({
        parent,
        groupBy: 'fields.state',
        aggregations: [
          { alias: 'count', function: AggregateFunction.AGGREGATE_FUNCTION_COUNT },
          of('sum', AggregateFunction.AGGREGATE_FUNCTION_SUM),
          of('average', AggregateFunction.AGGREGATE_FUNCTION_AVERAGE),
          of('least', AggregateFunction.AGGREGATE_FUNCTION_MIN),
          of('greatest', AggregateFunction.AGGREGATE_FUNCTION_MAX),
        ],
      });

      expect(groups.map(({ key, results }) => [key, Object.fromEntries(results)])).to.deep.equal([
        [undefined, { count: 1, sum: 0, average: null, least: null, greatest: null }],
        ['done', { count: 1, sum: 10, average: 10, least: 10, greatest: 10 }],
        ['open', { count: 5, sum: 6.5, average: 6.5 / 3, least: -1, greatest: 'x' }],
      ]);
    });
  });

  describe('CommitDocuments', () => {
    it('changes all at one revision, or nothing', async () => {
      await put('a', { n: 1 });

      const refused = documents.commitDocuments({
        parent,
        writes: [
          { operation: { $case: 'delete', value: nameOf('a') } },
          { operation: update('b', {}), precondition: { condition: { $case: 'exists', value: true } } },
        ],
      });
      expect(await rejection(refused, CallError)).to.include({ reason: 'RESOURCE_NOT_FOUND' });
      expect((await documents.getDocument({ name: nameOf('a') })).fields).to.deep.equal({ n: 1 });

      const { documents: left, revision } = await documents.commitDocuments({
        parent,
        writes: [{ operation: { $case: 'delete', value: nameOf('a') } }, { operation: update('b', { n: 2 }) }],
      });
      expect(left.map(({ name }) => name)).to.deep.equal([nameOf('a'), nameOf('b')]);
      expect(left[1]?.revision).to.equal(revision);
    });

    it('applies transforms to what is there', async () => {
      await put('a', { n: 2, low: 5, tags: ['x', { k: 1 }], deep: {} });
      const { documents: left } = await documents.commitDocuments({
        parent,
        writes: [
          {
            operation: update('a', {}),
            keepFields: true,
            transforms: [
              { field: 'fields.n', transform: { $case: 'increment', value: 1.5 } },
              { field: 'fields.low', transform: { $case: 'minimum', value: 3 } },
              { field: 'fields.high', transform: { $case: 'maximum', value: 7 } },
              { field: 'fields.tags', transform: { $case: 'appendMissing', value: ['y', { k: 1 }, 'y'] } },
              { field: 'fields.tags', transform: { $case: 'removeAll', value: ['x'] } },
              { field: 'fields.deep.`a.b`', transform: { $case: 'increment', value: 1 } },
              { field: 'fields.at', transform: { $case: 'serverTime', value: {} } },
            ],
          },
        ],
      });

      const { at, ...rest } = left[0]?.fields ?? {};
      expect(rest).to.deep.equal({ n: 3.5, low: 3, high: 7, tags: [{ k: 1 }, 'y'], deep: { 'a.b': 1 } });
      expect(Date.parse(String(at))).to.be.closeTo(Date.now(), 10_000);
    });

    it('acts once for one request_id, and loses no increment of many at once', async () => {
      const increment = (requestId: string) =>
        documents.commitDocuments({
          parent,
          requestId,
          writes: [
            {
              operation: update('c', {}),
              keepFields: true,
              transforms: [{ field: 'fields.n', transform: { $case: 'increment', value: 1 } }],
            },
          ],
        });
      const ids = Array.from({ length: 8 }, () => randomUUID());

      const answers = await Promise.all([...ids, ...ids].map(increment));

      expect((await documents.getDocument({ name: nameOf('c') })).fields).to.deep.equal({ n: ids.length });
      expect(answers[0]).to.deep.equal(answers[ids.length]);
    });
  });
}
