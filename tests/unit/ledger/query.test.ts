import { expect } from 'chai';
import { createQueries } from '../../../src/ledger/query.js';
import type { Log, LogObserver } from '../../../src/ledger/log.js';
import type { Commit, CommitWrite } from '../../../src/store/entry.js';
import type { JsonObject } from '../../../src/store/json-value.js';
import type { Condition } from '../../../src/store/query/condition.js';
import { placeOf } from '../../../src/store/query/order.js';
import type { QueryRead } from '../../../src/store/query/query.js';
import type { StateDocument } from '../../../src/store/state.js';
import type { Store } from '../../../src/store/store.js';
import { rejection } from '../../support/rejection.js';

const OPEN: Condition = {
  kind: 'compare',
  field: { kind: 'value', keys: ['open'] },
  comparator: '=',
  value: true,
};

describe('query()', () => {
  const read = (...ids: string[]): QueryRead => ({
    found: ids
      .map((id) => documentOf(id, { open: true }))
      .map((document) => ({ document, place: placeOf(document, []) })),
    next: undefined,
    examined: ids.length,
    revision: 1,
    exact: false,
  });
  const idsAfter = async (answer: QueryRead, writes: readonly CommitWrite[], limit = 10) => {
    const { query } = aLedger(() => answer, writes);
    const { found, next } = await query('c', { parent: 'p/', condition: OPEN, orderBy: [], limit, examineMax: 10 });
    return { ids: found.map(({ document }) => document.id), next: next?.id };
  };

  it('takes what did not change as it was read', async () => {
    expect(await idsAfter(read('p/a', 'p/b'), [])).to.deep.equal({ ids: ['p/a', 'p/b'], next: undefined });
  });

  it('takes out what was deleted, or no longer meets the condition, while it read', async () => {
    const writes = [remove('p/a'), put('p/b', { open: false })];
    expect((await idsAfter(read('p/a', 'p/b', 'p/c'), writes)).ids).to.deep.equal(['p/c']);
  });

  it('puts in what came to meet it, in its place', async () => {
    const writes = [put('p/b', { open: true }), put('q/x', { open: true }), put('p/b/c', { open: true })];
    expect((await idsAfter(read('p/a', 'p/c'), writes)).ids).to.deep.equal(['p/a', 'p/b', 'p/c']);
  });

  it('leaves what lies behind the end of a page to the next one', async () => {
    const answer = { ...read('p/a', 'p/b'), next: { id: 'p/b', keys: [] } };
    expect(await idsAfter(answer, [put('p/c', { open: true })], 2)).to.deep.equal({ ids: ['p/a', 'p/b'], next: 'p/b' });
    const full = await idsAfter(answer, [put('p/aa', { open: true })], 2);
    expect(full).to.deep.equal({ ids: ['p/a', 'p/aa'], next: 'p/aa' });
  });

  it('gives documents as the log has them, and the revision up to which it knows', async () => {
    const { query } = aLedger(() => read('p/a'), [put('p/a', { open: true, n: 2 })]);
    const { found, revision } = await query('c', {
      parent: 'p/',
      condition: OPEN,
      orderBy: [],
      limit: 9,
      examineMax: 9,
    });
    expect(found[0]?.document).to.deep.include({ value: { open: true, n: 2 }, revision: 2 });
    expect(revision).to.equal(2);
  });

  it('reads again when history of the time of the read is gone', async () => {
    let reads = 0;
    const { query, reset } = aLedger(() => {
      reads += 1;
      if (reads === 1) reset();
      return read('p/a');
    }, []);
    await query('c', { parent: 'p/', condition: OPEN, orderBy: [], limit: 9, examineMax: 9 });
    expect(reads).to.equal(2);
  });

  it('refuses a collection that was not declared', async () => {
    const { query } = aLedger(() => read(), []);
    const asked = query('nope', { parent: '', condition: OPEN, orderBy: [], limit: 1, examineMax: 1 });
    expect(await rejection(asked)).to.include({ reason: 'UNKNOWN_COLLECTION' });
  });
});

function documentOf(id: string, value: JsonObject): StateDocument {
  return { collection: 'c', id, value, revision: 1, createRevision: 1, createTime: 0, updateTime: 0 };
}

function put(id: string, value: JsonObject): CommitWrite {
  return { kind: 'put', collection: 'c', id, value, createRevision: 1, createTime: 0 };
}

function remove(id: string): CommitWrite {
  return { kind: 'delete', collection: 'c', id };
}

/** A ledger in which another process commits while a query reads. */
function aLedger(answer: () => QueryRead, writes: readonly CommitWrite[]) {
  const observers = new Set<LogObserver>();
  let revision = 1;
  let pending: readonly CommitWrite[] = [];
  const log = {
    position: () => ({ revision, hash: '', time: 0 }),
    observe: (observer: LogObserver) => {
      observers.add(observer);
      return () => observers.delete(observer);
    },
    catchUp: async () => {
      if (pending.length === 0) return;
      revision += 1;
      const commit: Commit = { revision, time: 0, writes: pending };
      pending = [];
      for (const observer of observers) observer.commits([commit], {} as never);
    },
  };
  const store = {
    hasCollection: (name: string) => name === 'c',
    queryDocuments: async () => {
      pending = writes;
      return answer();
    },
  };
  const queries = createQueries(store as unknown as Store, log as unknown as Log);
  return { ...queries, reset: () => observers.forEach((observer) => observer.reset(revision)) };
}
