import { expect } from 'chai';
import { type Commit, type Entry, sealEntry } from '../../src/store/entry.js';
import type { Position, Store } from '../../src/store/store.js';
import type { CreateEngine, Engine } from '../support/engine.js';
import { rejection } from '../support/rejection.js';
import { untilApplied } from '../support/until-applied.js';

const TIME = Date.UTC(2030);

/** What `src/store/store.ts` promises, on any engine. */
export function describeStore(createEngine: CreateEngine): void {
  let engine: Engine;
  let store: Store;

  /** An entry with one commit for each list of ids that it puts, behind a position. */
  const entryBehind = (position: Position, ...puts: readonly (readonly string[])[]): Entry => {
    const commits = puts.map((ids, index): Commit => {
      const revision = position.revision + 1 + index;
      const writes = ids.map((id) => ({
        kind: 'put' as const,
        collection: 'orders',
        id,
        value: { revision },
        createRevision: revision,
        createTime: TIME,
      }));
      return { revision, time: TIME, writes };
    });
    const batchId = `batch-${position.revision}-${puts.flat().join()}`;
    return sealEntry({ commits, time: TIME, batchId, previousHash: position.hash });
  };
  const after = ({ last, hash, time }: Entry): Position => ({ revision: last, hash, time });
  const add = async (entry: Entry) => {
    expect(await store.append(entry)).to.equal('appended');
    await store.apply([entry]);
    return after(entry);
  };
  const idsAt = async (at: number) => {
    const { documents } = await store.scanDocuments({ collection: 'orders', prefix: '', limit: 100, at });
    return documents.map((document) => document?.id);
  };
  const reopen = async () => {
    await store.close();
    store = await engine.open();
  };

  beforeEach(async () => {
    engine = await createEngine();
    store = await engine.open();
    await store.declareCollections(['orders']);
  });
  afterEach(() => engine.destroy());

  describe('a lease', () => {
    const NAME = { kind: 'sessions', id: 'users/a/sessions/1' };
    const make = (more: object = {}) =>
      store.swapLease({ ...NAME, fence: undefined, value: { n: 1 }, expireTime: TIME, ...more });

    it('is made once', async () => {
      expect(await Promise.all([make(), make({ value: { n: 2 } })])).to.have.members(['swapped', 'lost']);
    });

    it('is there with what was put into it, after a restart, too', async () => {
      const value = { $where: { 'a.b': [1, null, 'é'] } };
      await make({ value });
      await reopen();

      const lease = await store.readLease(NAME);

      expect(lease).to.deep.equal({ ...NAME, value, expireTime: TIME, fence: lease?.fence });
      expect(await store.readLease({ ...NAME, id: 'users/a/sessions/2' })).to.equal(undefined);
    });

    it('is changed by one of those who read it', async () => {
      await make();
      const fence = (await store.readLease(NAME))?.fence ?? 0;
      const swaps = [1, 2, 3, 4].map((n) => store.swapLease({ ...NAME, fence, value: { n }, expireTime: TIME + n }));

      const outcomes = await Promise.all(swaps);

      const lease = await store.readLease(NAME);
      expect(outcomes.filter((outcome) => outcome === 'swapped')).to.have.length(1);
      expect(lease?.value).to.deep.equal({ n: outcomes.indexOf('swapped') + 1 });
      expect(lease?.fence).to.be.greaterThan(fence);
    });

    it('is found by its kind and the beginning of its id', async () => {
      for (const id of ['users/a/2', 'users/a/1', 'users/b/1', 'users/a/3']) await make({ id });
      await make({ kind: 'other', id: 'users/a/1' });
      const scan = async (after: string, limit: number) =>
        (await store.scanLeases({ kind: 'sessions', prefix: 'users/a/', after, limit })).map(({ id }) => id);

      expect(await scan('', 2)).to.deep.equal(['users/a/1', 'users/a/2']);
      expect(await scan('users/a/2', 2)).to.deep.equal(['users/a/3']);
    });

    it('is met once by whoever reads all, whatever its kind', async () => {
      const made = ['attempts/a', 'sessions/a', 'sessions/b'].map((name) => name.split('/') as [string, string]);
      for (const [kind, id] of made) await make({ kind, id });
      const met: string[] = [];
      let page = await store.readLeases(undefined, 2);
      while (page.length > 0) {
        met.push(...page.map(({ kind, id }) => `${kind}/${id}`));
        page = await store.readLeases(page.at(-1), 2);
      }
      expect(met)
        .to.have.members(made.map((name) => name.join('/')))
        .and.have.length(made.length);
    });

    it('is removed some time after it has expired, and made anew with a fence that it never had', async () => {
      await make();
      await make({ id: 'kept', expireTime: TIME + 1000 });
      const old = (await store.readLease(NAME))?.fence ?? 0;
      await store.swapLease({ ...NAME, fence: old, value: {}, expireTime: TIME });
      await store.dropLeases(TIME + 1);

      expect(await store.readLease(NAME)).to.equal(undefined);
      expect(await store.readLease({ ...NAME, id: 'kept' })).not.to.equal(undefined);
      await make({ expireTime: TIME + 1000 });
      expect(await store.swapLease({ ...NAME, fence: old + 1, value: {}, expireTime: TIME })).to.equal('lost');
    });
  });

  describe('append()', () => {
    it('takes an entry behind the last one, and it is there after a restart', async () => {
      const entry = entryBehind(await store.readApplied(), ['a'], ['b']);
      await add(entry);
      await reopen();
      expect(await store.readEntries(0, 10)).to.deep.equal([entry]);
    });

    it('answers "taken" where another entry stands, and changes nothing', async () => {
      const start = await store.readApplied();
      await add(entryBehind(start, ['a']));
      expect(await store.append(entryBehind(start, ['b']))).to.equal('taken');
      expect(await idsAt(1)).to.deep.equal(['a']);
    });
  });

  describe('apply()', () => {
    it('shows the state of entries that were appended, and the position after them', async () => {
      const position = await add(entryBehind(await store.readApplied(), ['a'], ['a', 'b']));
      const read = await store.getDocuments({ collection: 'orders', ids: ['b', 'a', 'c'], at: 2 });
      expect(read).to.include({ exact: true, revision: 2 });
      expect(read.documents.map((document) => document?.value)).to.deep.equal([
        { revision: 2 },
        { revision: 2 },
        undefined,
      ]);
      expect(await untilApplied(store, 2)).to.deep.equal(position);
    });

    it('changes nothing when it is done again, or late', async () => {
      const first = entryBehind(await store.readApplied(), ['a', 'b']);
      const second = entryBehind(await add(first), ['a']);
      await add(second);
      await store.apply([first]);
      await store.apply([first, second]);
      const { documents } = await store.getDocuments({ collection: 'orders', ids: ['a', 'b'], at: 2 });
      expect(documents.map((document) => document?.revision)).to.deep.equal([2, 1]);
    });
  });

  describe('readEntries() and readTail()', () => {
    it('give entries that hold a revision above, oldest first, at most so many', async () => {
      let position = await store.readApplied();
      for (const puts of [[['a'], ['b'], ['c']], [['d']], [['e'], ['f']]]) {
        position = await add(entryBehind(position, ...puts));
      }
      const firsts = async (revision: number, limit: number) =>
        (await store.readEntries(revision, limit)).map(({ first }) => first);
      expect(await firsts(0, 10)).to.deep.equal([1, 4, 5]);
      expect(await firsts(2, 10)).to.deep.equal([1, 4, 5]);
      expect(await firsts(3, 1)).to.deep.equal([4]);
      expect(await firsts(6, 10)).to.deep.equal([]);
      expect((await store.readTail(3, 10)).map(({ first }) => first)).to.deep.equal([4, 5]);
    });
  });

  describe('dropEntries()', () => {
    it('raises the floor, and what is below is not read any more', async () => {
      const floor = await add(entryBehind(await store.readApplied(), ['a']));
      await add(entryBehind(floor, ['b']));
      await store.dropEntries(floor);
      await reopen();
      expect(await store.readFloor()).to.deep.equal(floor);
      expect((await store.readEntries(0, 10)).map(({ first }) => first)).to.deep.equal([2]);
    });
  });

  describe('declareCollections()', () => {
    it('keeps what it made, over a restart', async () => {
      await store.declareCollections(['parcels', 'orders']);
      await reopen();
      expect(store.collections()).to.deep.equal(['orders', 'parcels']);
      expect(store.hasCollection('parcels')).to.equal(true);
      expect(store.hasCollection('unknown')).to.equal(false);
    });

    for (const name of [
      '',
      'Orders',
      '1st',
      'a.b',
      'a"b',
      'keelson_entries',
      'sqlite_master',
      'system',
      'a'.repeat(64),
    ]) {
      it(`refuses ${JSON.stringify(name)}`, async () => {
        expect(await rejection(store.declareCollections([name]))).to.include({ reason: 'INVALID_COLLECTION_NAME' });
      });
    }
  });

  describe('followers', () => {
    it('are kept by name until they are removed', async () => {
      await store.saveFollower({ name: 'b', revision: 1 });
      await store.saveFollower({ name: 'a', revision: 2 });
      await store.saveFollower({ name: 'b', revision: 3 });
      await reopen();
      expect(await store.readFollowers()).to.deep.equal([
        { name: 'a', revision: 2 },
        { name: 'b', revision: 3 },
      ]);
      await store.removeFollower('a');
      expect(await store.readFollowers()).to.deep.equal([{ name: 'b', revision: 3 }]);
    });
  });

  describe('the database', () => {
    it('has an id that stays', async () => {
      const { databaseId } = store;
      await reopen();
      expect(store.databaseId).to.equal(databaseId);
      expect(databaseId).to.match(/^[0-9a-f-]{36}$/);
    });
  });
}
