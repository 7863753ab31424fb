import { expect } from 'chai';
import { createLedger, type Ledger } from '../../src/ledger/ledger.js';
import { defineResource } from '../../src/repositories/definition.js';
import { ResourceError } from '../../src/repositories/errors.js';
import { etagOf } from '../../src/repositories/etag.js';
import { FilterError } from '../../src/repositories/filter/filter-error.js';
import { valueField } from '../../src/repositories/filter/schema.js';
import { OrderByError } from '../../src/repositories/order-by.js';
import { PageTokenError } from '../../src/repositories/page-token.js';
import { commitTogether, createResources, declareResource, type Resources } from '../../src/repositories/resource.js';
import type { WatchEvent } from '../../src/repositories/watch.js';
import type { JsonObject } from '../../src/store/json-value.js';
import type { CreateEngine, Engine } from '../support/engine.js';
import { rejection } from '../support/rejection.js';
import { SILENT_LOGGER } from '../support/silent-logger.js';

interface Parcel {
  readonly name: string;
  readonly etag: string;
  readonly content: JsonObject;
}

const PARENT = 'depots/north';
const NOON = Date.parse('2024-05-01T12:00:00Z');

const define = (collection: string) =>
  defineResource<Parcel, JsonObject>({
    type: 'keelson.dev/Parcel',
    singular: 'parcel',
    collection,
    pattern: `depots/{depot}/${collection}/{parcel}`,
    codec: {
      encode: (content) => content,
      decode: ({ id, value, revision }) => ({ name: id, etag: etagOf(revision), content: value }),
    },
    schema: new Map([
      ['name', { type: { kind: 'string' }, field: { kind: 'id' } }],
      ['create_time', { type: { kind: 'timestamp', stored: 'milliseconds' }, field: { kind: 'createTime' } }],
      valueField('state', { kind: 'string' }),
      valueField('weight', { kind: 'number' }),
      valueField('address', { kind: 'message', fields: new Map([['city', { kind: 'string' }]]) }),
      valueField('expire_time', { kind: 'timestamp', stored: 'text' }),
    ]),
    indexes: ['weight', 'state, weight desc', 'create_time'],
    expireTime: 'expire_time',
  });

/** What every resource can do, on any engine. */
export function describeResources(createEngine: CreateEngine): void {
  let engine: Engine;
  let ledger: Ledger;
  let parcels: Resources<Parcel, JsonObject>;
  let crates: Resources<Parcel, JsonObject>;
  let time = NOON;

  beforeEach(async () => {
    time = NOON;
    engine = await createEngine();
    ledger = await createLedger({ store: await engine.open(), logger: SILENT_LOGGER });
    const deps = { ledger, now: () => time };
    parcels = createResources(deps, define('parcels'));
    crates = createResources(deps, define('crates'));
    await declareResource(ledger, parcels.definition);
    await declareResource(ledger, crates.definition);
  });
  afterEach(async () => {
    await ledger.close();
    await engine.destroy();
  });

  const create = (id: string, content: JsonObject = {}) => parcels.create({ parent: PARENT, id, content });
  const nameOf = (id: string) => `${PARENT}/parcels/${id}`;
  const namesOf = async (query: { readonly filter?: string; readonly orderBy?: string }): Promise<string[]> => {
    const seen: string[] = [];
    let pageToken = '';
    do {
      const page = await parcels.list({ parent: PARENT, pageSize: 2, pageToken, ...query });
      seen.push(...page.resources.map(({ name }) => name.slice(nameOf('').length)));
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    return seen;
  };
  const failureOf = async (promise: Promise<unknown>) => (await rejection(promise, ResourceError)).failure;

  it('create, get and delete', async () => {
    const made = await create('p1', { state: 'new' });
    expect(made).to.deep.include({ name: nameOf('p1'), content: { state: 'new' } });
    expect(await parcels.get(nameOf('p1'))).to.deep.equal(made);
    expect(await failureOf(create('p1'))).to.equal('exists');
    await parcels.delete({ name: nameOf('p1'), etag: made.etag });
    expect(await parcels.find(nameOf('p1'))).to.equal(undefined);
    expect(await failureOf(parcels.get(nameOf('p1')))).to.equal('not-found');
  });

  it('make ids that sort by the time of creation', async () => {
    const names: string[] = [];
    for (let count = 0; count < 5; count += 1) names.push((await create('')).name);
    expect(names).to.deep.equal(names.toSorted());
  });

  it('create once for one request id', async () => {
    const options = { request: { caller: 'a', id: 'r1', fingerprint: 'f' } };
    const creation = { parent: PARENT, id: '', content: {} };
    const first = await parcels.create(creation, options);
    expect(await parcels.create(creation, options)).to.deep.equal(first);
  });

  it('get many of one state, in the order of the names, or say which is missing', async () => {
    await create('a');
    await create('b');
    const found = await parcels.batchGet([nameOf('b'), nameOf('a')]);
    expect(found.map(({ name }) => name)).to.deep.equal([nameOf('b'), nameOf('a')]);
    const missing = await rejection(parcels.batchGet([nameOf('a'), nameOf('c')]), ResourceError);
    expect(missing).to.include({ failure: 'not-found', resourceName: nameOf('c') });
  });

  it('update by mask and etag', async () => {
    const { etag } = await create('p', { state: 'new', address: { city: 'Rome' }, weight: 1 });
    const change = { name: nameOf('p'), content: { address: { city: 'Bonn' }, weight: 9 }, mask: ['address.city'] };
    const updated = await parcels.update({ ...change, etag });
    expect(updated.content).to.deep.equal({ state: 'new', address: { city: 'Bonn' }, weight: 1 });
    expect(await failureOf(parcels.update({ ...change, etag }))).to.equal('etag-mismatch');
    const replaced = await parcels.update({ ...change, mask: ['*'], etag: '' });
    expect(replaced.content).to.deep.equal(change.content);
  });

  it('update and delete what may be missing', async () => {
    const change = { name: nameOf('p'), content: { state: 'new', weight: 2 }, mask: ['state'], etag: '' };
    expect(await failureOf(parcels.update(change))).to.equal('not-found');
    expect(await failureOf(parcels.update({ ...change, etag: 'x', allowMissing: true }))).to.equal('not-found');
    expect((await parcels.update({ ...change, allowMissing: true })).content).to.deep.equal(change.content);
    await parcels.delete({ name: nameOf('p'), etag: '' });
    expect(await failureOf(parcels.delete({ name: nameOf('p'), etag: '' }))).to.equal('not-found');
    await parcels.delete({ name: nameOf('p'), etag: '', allowMissing: true });
  });

  it('list by filter and order, page by page, and count', async () => {
    for (const [index, id] of ['a', 'b', 'c', 'd', 'e', 'f'].entries())
      await create(id, { state: index % 2 === 0 ? 'new' : 'old', weight: index % 3 });
    expect(await namesOf({ filter: 'weight < 2', orderBy: 'weight desc' })).to.deep.equal(['e', 'b', 'd', 'a']);
    expect(await namesOf({ filter: 'state = new' })).to.deep.equal(['a', 'c', 'e']);
    expect(await parcels.count({ parent: PARENT, filter: 'state = old' })).to.deep.equal({ count: 3, complete: true });
    expect(await parcels.count({ parent: 'depots/south' })).to.deep.equal({ count: 0, complete: true });
  });

  it('walk along an index in both directions, over values that are missing too', async () => {
    const weights = [3, undefined, -1.5, 0, undefined, 1e9, 3, 0.25];
    for (const [index, weight] of weights.entries())
      await create(`p${index}`, { state: 'new', ...(weight !== undefined && { weight }) });
    const expected = ['p1', 'p4', 'p2', 'p3', 'p7', 'p0', 'p6', 'p5'];
    expect(await namesOf({ orderBy: 'weight' })).to.deep.equal(expected);
    expect(await namesOf({ orderBy: 'weight desc' })).to.deep.equal(expected.toReversed());
    expect(await namesOf({ orderBy: 'weight desc', filter: 'state = new' })).to.deep.equal(expected.toReversed());
    expect(await namesOf({ orderBy: 'weight', filter: 'state = new AND weight >= 0' })).to.deep.equal(
      expected.slice(3),
    );
  });

  it('refuse a token of another query, and a filter that is wrong', async () => {
    for (const id of ['a', 'b', 'c']) await create(id, { weight: 1 });
    const query = { parent: PARENT, pageSize: 1, pageToken: '', orderBy: 'weight' };
    const { nextPageToken: pageToken } = await parcels.list(query);
    for (const other of [{ orderBy: '' }, { filter: 'weight = 1' }, { parent: 'depots/south' }])
      expect(await rejection(parcels.list({ ...query, pageToken, ...other }))).to.be.instanceOf(PageTokenError);
    expect((await parcels.list({ ...query, pageSize: 5, pageToken })).resources).to.have.length(2);
    expect(await rejection(parcels.list({ ...query, filter: 'weight = x' }))).to.be.instanceOf(FilterError);
  });

  it('take any place that a made-up token names for one of the order', async () => {
    await create('a', { weight: 1 });
    await create('b', { weight: 1 });
    const places = [
      '["x"]',
      '["x",[4,"a"]]',
      '["x",[5,1]]',
      '["x",[99,0],[1,"y"]]',
      '["\\u0000",[-1,1e300]]',
      '["x",[0,0]]',
    ];
    for (const orderBy of ['', 'name desc', 'weight', 'weight desc', 'create_time', 'create_time desc', 'state']) {
      const query = { parent: PARENT, pageSize: 1, orderBy };
      const { nextPageToken } = await parcels.list({ ...query, pageToken: '' });
      for (const place of places) {
        const pageToken = forge(nextPageToken, place);
        expect((await parcels.list({ ...query, pageToken })).resources.length, place).to.be.at.most(1);
      }
    }
  });

  it('refuse an order by values that are too long for a token', async () => {
    for (const id of ['a', 'b']) await create(id, { state: 'x'.repeat(10_000) });
    const query = { parent: PARENT, pageSize: 1, pageToken: '', orderBy: 'state' };
    expect(await rejection(parcels.list(query))).to.be.instanceOf(OrderByError);
    expect((await parcels.list({ ...query, pageSize: 2 })).resources).to.have.length(2);
  });

  it('take what has expired for deleted', async () => {
    await create('kept', { expire_time: '2024-05-01T12:00:00.500000000Z' });
    await create('forever');
    const namesNow = async () => (await parcels.list({ parent: PARENT, pageSize: 9, pageToken: '' })).resources.length;
    expect(await namesNow()).to.equal(2);
    time = NOON + 500;
    expect(await namesNow()).to.equal(1);
    expect(await failureOf(parcels.get(nameOf('kept')))).to.equal('not-found');
    expect((await parcels.count({ parent: PARENT })).count).to.equal(1);
    expect((await create('kept')).content).to.deep.equal({});
  });

  it('change several kinds at one revision, or none', async () => {
    await create('p', { weight: 1 });
    const move = () =>
      commitTogether(ledger, async (view) => [
        ...(await parcels.writes.delete(view, { name: nameOf('p'), etag: '' })),
        await crates.writes.create(view, { parent: PARENT, id: 'p', content: { weight: 1 } }),
      ]);
    const revision = ledger.revision();
    await move();
    expect(ledger.revision()).to.equal(revision + 1);
    expect(await crates.find(`${PARENT}/crates/p`)).to.have.nested.property('content.weight', 1);
    expect(await failureOf(move())).to.equal('not-found');
    expect(ledger.revision()).to.equal(revision + 1);
  });

  it('watch from a revision with a filter', async () => {
    const start = ledger.revision();
    await create('a', { state: 'new' });
    await create('b', { state: 'old' });
    await crates.create({ parent: PARENT, id: 'c', content: { state: 'new' } });
    await parcels.update({ name: nameOf('a'), content: { state: 'old' }, mask: undefined, etag: '' });
    await parcels.delete({ name: nameOf('b'), etag: '' });
    const events = await take(parcels.watch({ parent: PARENT, filter: 'state = new', after: start }), 4);
    const told = events.flatMap((event) =>
      event.kind === 'changes' ? event.changes.map(({ kind, name }) => `${kind} ${name.slice(-1)}`) : [],
    );
    expect(told).to.deep.equal(['put a', 'removed b', 'removed a', 'removed b']);
    expect(await rejection(take(parcels.watch({ filter: 'nope = 1', after: start }), 1))).to.be.instanceOf(FilterError);
  });
}

const TOKEN_HASH_BYTES = 12;

/** A token for the same query that names another place. */
function forge(token: string, place: string): string {
  const hash = Buffer.from(token, 'base64url').subarray(0, TOKEN_HASH_BYTES);
  return Buffer.concat([hash, Buffer.from(place)]).toString('base64url');
}

async function take<T>(events: AsyncIterable<WatchEvent<T>>, count: number): Promise<WatchEvent<T>[]> {
  const taken: WatchEvent<T>[] = [];
  for await (const event of events) if (taken.push(event) === count) break;
  return taken;
}
