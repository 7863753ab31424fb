import { expect } from 'chai';
import fc from 'fast-check';
import { AggregateFunction } from '../../../gen/keelson/documents/v1/aggregation.js';
import type { OperationsDefinition } from '../../../gen/google/longrunning/operations.js';
import type { CollectionServiceDefinition } from '../../../gen/keelson/documents/v1/collection_service.js';
import type { FieldTransform } from '../../../gen/keelson/documents/v1/transform.js';
import {
  ExistingDocuments,
  type DocumentServiceDefinition,
} from '../../../gen/keelson/documents/v1/document_service.js';
import { CallError } from '../../../src/rpc/client/call-error.js';
import type { ServiceClient } from '../../../src/rpc/client/create-client.js';
import type { JsonObject, JsonValue } from '../../../src/store/json-value.js';
import { stableJson, type Condition, type DocumentModel, type ModelWrite, type Transform } from './document-model.js';

/** The real thing: a server, and a collection on it. */
export interface RealDocuments {
  readonly documents: ServiceClient<typeof DocumentServiceDefinition>;
  readonly collections: ServiceClient<typeof CollectionServiceDefinition>;
  readonly operations: ServiceClient<typeof OperationsDefinition>;
  readonly parent: string;
}

type Command = fc.AsyncCommand<DocumentModel, RealDocuments>;

const IDS = ['a', 'b', 'c', 'd'];
const anyId = fc.constantFrom(...IDS);
const anyNumber = fc.integer({ min: -2, max: 3 });
const anyFields = fc.record(
  {
    n: fc.oneof(anyNumber, fc.constant(null), fc.array(anyNumber, { maxLength: 2 })),
    u: fc.integer({ min: 0, max: 3 }),
    l: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 }),
  },
  { requiredKeys: [], noNullPrototype: true },
) as fc.Arbitrary<JsonObject>;
const anyKey = fc.constantFrom('n', 'u', 'l');
const anyTransform: fc.Arbitrary<Transform> = fc.oneof(
  fc.record({ kind: fc.constantFrom('increment', 'minimum', 'maximum'), key: anyKey, value: anyNumber }),
  fc.record({
    kind: fc.constantFrom('appendMissing', 'removeAll'),
    key: anyKey,
    values: fc.array(anyNumber, { maxLength: 2 }),
  }),
);
const anyCondition: fc.Arbitrary<Condition> = fc.constantFrom('any', 'any', 'exists', 'absent', 'current', 'stale');
const anyWrite: fc.Arbitrary<ModelWrite> = fc
  .record({
    id: anyId,
    condition: anyCondition,
    fields: fc.option(anyFields, { nil: undefined }),
    keys: fc.option(fc.uniqueArray(anyKey, { minLength: 1 }), { nil: undefined }),
    transforms: fc.array(anyTransform, { maxLength: 2 }),
  })
  .map((write) => (write.fields === undefined ? { ...write, keys: undefined, transforms: [] } : write));

const FILTERS: Readonly<Record<string, (fields: JsonObject) => boolean>> = {
  '': () => true,
  'fields.n > 0': ({ n }) => typeof n === 'number' && n > 0,
  'fields.n = 1': ({ n }) => n === 1,
  'fields.u:*': ({ u }) => (Array.isArray(u) ? u.length > 0 : u !== undefined),
  'NOT fields.u = 2': ({ u }) => u !== 2,
  'fields.l:3': ({ l }) => (Array.isArray(l) ? l.includes(3) : l === 3),
};
const ORDERS = [undefined, { key: 'n', descending: false }, { key: 'n', descending: true }] as const;
const anyQuery = fc.record({ filter: fc.constantFrom(...Object.keys(FILTERS)), order: fc.constantFrom(...ORDERS) });
type Query = typeof anyQuery extends fc.Arbitrary<infer T> ? T : never;

/** All commands, for fc.commands(). */
export const DOCUMENT_COMMANDS: fc.Arbitrary<Command>[] = [
  fc.uniqueArray(anyWrite, { minLength: 1, maxLength: 3, selector: ({ id }) => id }).map(commit),
  fc.tuple(anyId, anyFields).map(([id, fields]) => create(id, fields)),
  fc.tuple(anyId, anyFields, fc.option(anyKey)).map(([id, fields, key]) => update(id, fields, key)),
  anyId.map(remove),
  fc.subarray(IDS, { minLength: 1 }).map(batchGet),
  fc.tuple(anyQuery, fc.integer({ min: 1, max: 3 })).map(([query, pageSize]) => list(query, pageSize)),
  fc.tuple(anyQuery, fc.integer({ min: 0, max: 3 })).map(([query, limit]) => find(query, limit)),
  anyQuery.map(aggregate),
  fc
    .tuple(fc.array(fc.tuple(anyId, anyFields), { maxLength: 4 }), fc.boolean())
    .map(([items, replace]) => importAll(items, replace)),
  fc.constant(null).map(exportAll),
  fc.constant(null).map(toggleIndex),
];

function command(text: string, run: Command['run']): Command {
  return { check: () => true, run, toString: () => text };
}

function commit(writes: readonly ModelWrite[]): Command {
  return command(`commit(${JSON.stringify(writes)})`, async (model, { documents, parent }) => {
    const refusal = [...model.refusals(writes)].sort(([a], [b]) => a - b)[0];
    const call = documents.commitDocuments({ parent, writes: writes.map((write) => toWrite(parent, write, model)) });
    if (refusal !== undefined) return expectRefusal(call, refusal[1]);
    const { documents: left } = await call;
    model.apply(writes, new Map(left.map(({ name, etag }) => [idOf(name), etag])));
    for (const [position, { id }] of writes.entries()) {
      expect(left[position]?.fields).to.deep.equal(model.documents.get(id)?.fields);
    }
  });
}

function create(id: string, fields: JsonObject): Command {
  const write: ModelWrite = { id, condition: 'absent', fields, transforms: [] };
  return single(`create(${id}, ${JSON.stringify(fields)})`, write, ({ documents, parent }) =>
    documents.createDocument({ parent, documentId: id, document: { fields } }),
  );
}

function update(id: string, fields: JsonObject, key: string | null): Command {
  const keys = key === null ? undefined : [key];
  const write: ModelWrite = { id, condition: 'exists', fields, keys, transforms: [] };
  return single(`update(${id}, ${JSON.stringify(fields)}, ${key ?? '*'})`, write, ({ documents, parent }) =>
    documents.updateDocument({
      document: { name: `${parent}/documents/${id}`, fields },
      updateMask: key === null ? undefined : [`fields.${key}`],
    }),
  );
}

function remove(id: string): Command {
  const write: ModelWrite = { id, condition: 'exists', fields: undefined, transforms: [] };
  return single(`delete(${id})`, write, async ({ documents, parent }) => {
    await documents.deleteDocument({ name: `${parent}/documents/${id}` });
    return { etag: '' };
  });
}

function single(text: string, write: ModelWrite, run: (real: RealDocuments) => Promise<{ etag: string }>): Command {
  return command(text, async (model, real) => {
    const refusal = model.refusals([write]).get(0);
    if (refusal !== undefined) return expectRefusal(run(real), refusal);
    const { etag } = await run(real);
    model.apply([write], new Map([[write.id, etag]]));
  });
}

function batchGet(ids: readonly string[]): Command {
  return command(`batchGet(${ids.join()})`, async (model, { documents, parent }) => {
    const call = documents.batchGetDocuments({ parent, names: ids.map((id) => `${parent}/documents/${id}`) });
    if (ids.some((id) => !model.documents.has(id))) return expectRefusal(call, 'RESOURCE_NOT_FOUND');
    const found = (await call).documents.map(({ fields, etag }) => ({ fields, etag }));
    expect(found).to.deep.equal(ids.map((id) => model.documents.get(id)));
  });
}

function list({ filter, order }: Query, pageSize: number): Command {
  return command(`list(${filter}; ${orderText(order)}; ${pageSize})`, async (model, { documents, parent }) => {
    const seen: string[] = [];
    for (let pageToken = ''; ;) {
      const page = await documents.listDocuments({ parent, filter, orderBy: orderText(order), pageSize, pageToken });
      expect(page.documents.length).to.be.at.most(pageSize);
      seen.push(...page.documents.map(({ name }) => idOf(name)));
      pageToken = page.nextPageToken;
      if (pageToken === '') break;
    }
    expect(seen).to.deep.equal(model.find(FILTERS[filter] ?? never, order));
  });
}

function find({ filter, order }: Query, limit: number): Command {
  return command(`query(${filter}; ${orderText(order)}; ${limit})`, async (model, { documents, parent }) => {
    const seen: string[] = [];
    const query = { parent, filter, orderBy: orderText(order), limit: BigInt(limit) };
    for await (const { documents: some } of documents.queryDocuments(query)) {
      for (const { name, fields } of some) {
        expect(fields).to.deep.equal(model.fieldsOf(idOf(name)));
        seen.push(idOf(name));
      }
    }
    const expected = model.find(FILTERS[filter] ?? never, order);
    expect(seen).to.deep.equal(limit === 0 ? expected : expected.slice(0, limit));
  });
}

function aggregate({ filter }: Query): Command {
  return command(`aggregate(${filter})`, async (model, { documents, parent }) => {
    const ids = model.find(FILTERS[filter] ?? never);
    expect(Number((await documents.countDocuments({ parent, filter })).count)).to.equal(ids.length);
    const aggregations = [{ alias: 'sum', function: AggregateFunction.AGGREGATE_FUNCTION_SUM, field: 'fields.n' }];
    const { groups } = await documents.aggregateDocuments({ parent, filter, groupBy: 'fields.u', aggregations });
    // Values are told apart by their JSON; what has none is a group as well.
    const textOf = (value: JsonValue | undefined) => (value === undefined ? '' : stableJson(value));
    const sums = new Map<string, number>();
    for (const id of ids) {
      const { u, n } = model.fieldsOf(id);
      const group = textOf(u);
      sums.set(group, (sums.get(group) ?? 0) + (typeof n === 'number' ? n : 0));
    }
    expect(new Map(groups.map(({ key, results }) => [textOf(key as JsonValue), results.get('sum')]))).to.deep.equal(
      sums,
    );
  });
}

function importAll(items: readonly (readonly [string, JsonObject])[], replace: boolean): Command {
  return command(`import(${JSON.stringify(items)}, ${replace})`, async (model, { documents, parent }) => {
    const existing = replace
      ? ExistingDocuments.EXISTING_DOCUMENTS_REPLACE
      : ExistingDocuments.EXISTING_DOCUMENTS_REFUSE;
    const answer = await documents.importDocuments(
      (async function* () {
        yield {
          parent,
          existing,
          items: items.map(([documentId, fields]) => ({
            documentId,
            content: { $case: 'fields', value: fields } as const,
          })),
        };
      })(),
    );
    const failed: [number, string][] = [];
    for (const [index, [id, fields]] of items.entries()) {
      const write: ModelWrite = { id, condition: replace ? 'any' : 'absent', fields, transforms: [] };
      const reason = model.refusals([write]).get(0);
      if (reason === undefined) model.apply([write], new Map());
      else failed.push([index, reason]);
    }
    expect(answer.failures.map(({ index, reason }) => [Number(index), reason])).to.deep.equal(failed);
    for (const { name, etag } of (await documents.listDocuments({ parent })).documents) {
      model.documents.set(idOf(name), { fields: model.fieldsOf(idOf(name)), etag });
    }
  });
}

function exportAll(): Command {
  return command('export()', async (model, { documents, parent }) => {
    const seen: string[] = [];
    for await (const { items } of documents.exportDocuments({ parent })) {
      for (const { documentId, content } of items) {
        seen.push(
          `${documentId}=${stableJson(JSON.parse(content?.$case === 'json' ? content.value : '') as JsonObject)}`,
        );
      }
    }
    expect(seen).to.deep.equal(model.find(() => true).map((id) => `${id}=${stableJson(model.fieldsOf(id))}`));
  });
}

/** Declares the index that orders go along, or deletes it; it may still be under way for the commands that follow. */
function toggleIndex(): Command {
  return command('toggleIndex()', async (_, { collections, parent }) => {
    const { indexes } = await collections.listIndexes({ parent });
    const name = `${parent}/indexes/by-n`;
    if (indexes.some((index) => index.name === name)) await collections.deleteIndex({ name });
    else await collections.createIndex({ parent, indexId: 'by-n', index: { orderBy: 'fields.n' } });
  });
}

async function expectRefusal(call: Promise<unknown>, reason: string): Promise<void> {
  const outcome = await call.then(
    () => 'nothing',
    (err: unknown) => (err instanceof CallError ? err.reason : err),
  );
  expect(outcome).to.equal(reason);
}

function toWrite(parent: string, { id, condition, fields, keys, transforms }: ModelWrite, model: DocumentModel) {
  const name = `${parent}/documents/${id}`;
  return {
    operation:
      fields === undefined
        ? ({ $case: 'delete', value: name } as const)
        : ({ $case: 'update', value: { name, fields } } as const),
    updateMask: keys?.map((key) => `fields.${key}`),
    precondition: toPrecondition(condition, model.documents.get(id)?.etag),
    transforms: transforms.map((transform) => ({
      field: `fields.${transform.key}`,
      // Each kind has the value of its own case.
      transform: {
        $case: transform.kind,
        value: 'value' in transform ? transform.value : [...transform.values],
      } as FieldTransform['transform'],
    })),
  };
}

function toPrecondition(condition: Condition, etag: string | undefined) {
  if (condition === 'any') return undefined;
  if (condition === 'exists' || condition === 'absent')
    return { condition: { $case: 'exists', value: condition === 'exists' } } as const;
  return { condition: { $case: 'etag', value: condition === 'current' ? (etag ?? 'none') : 'stale' } } as const;
}

function orderText(order: Query['order']): string {
  return order === undefined ? '' : `fields.${order.key}${order.descending ? ' desc' : ''}`;
}

function idOf(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

function never(): boolean {
  return false;
}
