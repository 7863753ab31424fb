import { expect } from 'chai';
import type { CommitInput, Precondition } from '../../src/ledger/commit.js';
import type { FollowEvent } from '../../src/ledger/follow.js';
import { createLedger, type Ledger } from '../../src/ledger/ledger.js';
import type { Commit } from '../../src/store/entry.js';
import type { Store } from '../../src/store/store.js';
import type { CreateEngine, Engine } from '../support/engine.js';
import { put } from '../support/put.js';
import { rejection } from '../support/rejection.js';
import { skipBecause } from '../support/skip-because.js';
import { SILENT_LOGGER } from '../support/silent-logger.js';

/** What the ledger promises, on any engine. */
export function describeLedger(createEngine: CreateEngine): void {
  let engine: Engine;
  let store: Store;
  let ledger: Ledger;

  const openLedger = async () => {
    store = await engine.open();
    await store.declareCollections(['orders', 'parcels']);
    return createLedger({ store, logger: SILENT_LOGGER });
  };
  const reopen = async () => {
    await ledger.close();
    await store.close();
    ledger = await openLedger();
  };

  beforeEach(async () => {
    engine = await createEngine();
    ledger = await openLedger();
  });
  afterEach(async () => {
    await ledger.close();
    await engine.destroy();
  });

  describe('commit()', () => {
    it('gives revisions without holes, and each document as it was left', async () => {
      const first = await ledger.commit({ writes: [put('o-1', { n: 1 })] });
      const second = await ledger.commit({ writes: [put('o-1', { n: 2 }), put('o-2', { n: 3 })] });

      expect([first.revision, second.revision]).to.deep.equal([1, 2]);
      expect(second.documents[0]).to.deep.equal({
        collection: 'orders',
        id: 'o-1',
        value: { n: 2 },
        revision: 2,
        createRevision: 1,
        createTime: first.time,
        updateTime: second.time,
      });
      expect(await ledger.get('orders', 'o-1')).to.deep.equal(second.documents[0]);
      expect(second.time).to.be.at.least(first.time);
    });

    it('keeps everything over a restart', async () => {
      const { documents } = await ledger.commit({ writes: [put('o-1', { n: 1 })] });
      await reopen();
      expect(await ledger.get('orders', 'o-1')).to.deep.equal(documents[0]);
      expect((await ledger.commit({ writes: [put('o-1', {})] })).revision).to.equal(2);
    });

    it('deletes, and creates anew with a new creation', async () => {
      await ledger.commit({ writes: [put('o-1', {})] });
      const { documents } = await ledger.commit({ writes: [{ kind: 'delete', collection: 'orders', id: 'o-1' }] });
      expect(documents).to.deep.equal([undefined]);
      expect(await ledger.get('orders', 'o-1')).to.equal(undefined);
      await ledger.commit({ writes: [put('o-1', { again: true })] });
      expect(await ledger.get('orders', 'o-1')).to.include({ revision: 3, createRevision: 3 });
    });

    it('gives concurrent commits one order and one revision each', async () => {
      const results = await Promise.all(
        Array.from({ length: 200 }, (_, n) => ledger.commit({ writes: [put(`o-${n}`, { n })] })),
      );
      const revisions = results.map(({ revision }) => revision).sort((a, b) => a - b);
      expect(revisions).to.deep.equal(Array.from({ length: 200 }, (_, n) => n + 1));
      const entries = await store.readEntries(0, 200);
      expect(entries.length).to.be.lessThan(20);
    });

    it('keeps its copy of a value that the caller changes later', async () => {
      const value: Record<string, number> = { n: 1 };
      const committing = ledger.commit({ writes: [put('o-1', value)] });
      value.n = 2;
      await committing;
      expect((await ledger.get('orders', 'o-1'))?.value).to.deep.equal({ n: 1 });
    });

    it('stops waiting when the signal aborts', async () => {
      const controller = new AbortController();
      const committing = ledger.commit({ writes: [put('o-1', {})] }, { signal: controller.signal });
      controller.abort(new Error('gone'));
      expect(await rejection(committing)).to.have.property('message', 'gone');
    });
  });

  describe('preconditions', () => {
    beforeEach(() => ledger.commit({ writes: [put('there', { n: 1 })] }));

    const cases: readonly (readonly [string, Precondition, boolean])[] = [
      ['there', 'exists', true],
      ['there', 'absent', false],
      ['there', { revision: 1 }, true],
      ['there', { revision: 2 }, false],
      ['missing', 'exists', false],
      ['missing', 'absent', true],
      ['missing', { revision: 1 }, false],
    ];
    for (const [id, precondition, holds] of cases) {
      it(`${holds ? 'holds' : 'fails'} for a document that is ${id} with ${JSON.stringify(precondition)}`, async () => {
        const input = { writes: [put('other', {}), put(id, { n: 2 }, precondition)] };
        const outcome = await ledger.commit(input).catch((err: unknown) => err);
        if (holds) return expect(outcome).to.have.property('revision', 2);
        expect(outcome).to.include({
          reason: 'PRECONDITION_FAILED',
          index: 1,
          id,
          found: id === 'there' ? 1 : undefined,
        });
        return expect(await ledger.get('orders', 'other')).to.equal(undefined);
      });
    }

    it('are judged on documents that are not written, too', async () => {
      const checks = [{ collection: 'orders', id: 'there', precondition: 'absent' }] as const;
      expect(await rejection(ledger.commit({ writes: [put('o-2', {})], checks }))).to.include({ index: 1 });
    });

    it('let exactly one of many concurrent creations pass', async () => {
      const create = { writes: [put('once', {}, 'absent')] };
      const outcomes = await Promise.allSettled(Array.from({ length: 50 }, () => ledger.commit(create)));
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).to.have.length(1);
    });

    it('see commits that share their entry', async () => {
      const [, second, third] = await Promise.allSettled([
        ledger.commit({ writes: [put('warm-up', {})] }),
        ledger.commit({ writes: [put('there', { n: 2 }, { revision: 1 })] }),
        ledger.commit({ writes: [put('there', { n: 3 }, { revision: 1 })] }),
      ]);
      expect([second.status, third.status]).to.deep.equal(['fulfilled', 'rejected']);
    });
  });

  describe('requests', () => {
    const request = { caller: 'a', id: 'r-1', fingerprint: 'f' };

    it('give a repeat the first result, whatever happened since', async () => {
      const input: CommitInput = { writes: [put('o-1', { n: 1 }, 'absent')], request };
      const first = await ledger.commit(input);
      await ledger.commit({ writes: [put('o-1', { n: 2 })] });
      await reopen();
      expect(await ledger.commit(input)).to.deep.equal({ ...first, replayed: true });
      expect((await ledger.get('orders', 'o-1'))?.value).to.deep.equal({ n: 2 });
    });

    it('take effect once when repeats race', async () => {
      const input: CommitInput = { writes: [put('o-1', { n: 1 })], request };
      const results = await Promise.all(Array.from({ length: 20 }, () => ledger.commit(input)));
      expect(new Set(results.map(({ revision }) => revision)).size).to.equal(1);
      expect(results.filter(({ replayed }) => !replayed)).to.have.length(1);
    });

    it('refuse an id that was used for another request', async () => {
      await ledger.commit({ writes: [put('o-1', {})], request });
      const other = { writes: [put('o-2', {})], request: { ...request, fingerprint: 'g' } };
      expect(await rejection(ledger.commit(other))).to.include({ reason: 'REQUEST_ID_REUSED' });
    });

    it('are told apart by caller', async () => {
      await ledger.commit({ writes: [put('o-1', {})], request });
      const other = await ledger.commit({ writes: [put('o-1', {})], request: { ...request, caller: 'b' } });
      expect(other.replayed).to.equal(false);
    });

    it('are not remembered if their commit was refused', async () => {
      await rejection(ledger.commit({ writes: [put('o-1', {}, 'exists')], request }));
      expect(await ledger.commit({ writes: [put('o-1', {}, 'absent')], request })).to.include({ replayed: false });
    });
  });

  describe('transact()', () => {
    const increment = () =>
      ledger.transact(async (view) => {
        const found = await view.get('orders', 'counter');
        return [put('counter', { n: Number(found?.value.n ?? 0) + 1 })];
      });

    it('loses no update under contention', async () => {
      await Promise.all(Array.from({ length: 40 }, increment));
      expect((await ledger.get('orders', 'counter'))?.value).to.deep.equal({ n: 40 });
    });

    it('passes on what decide throws', async () => {
      const failure = new Error('no such order');
      const decided = ledger.transact(async (view) => {
        await view.get('orders', 'o-1');
        throw failure;
      });
      expect(await rejection(decided)).to.equal(failure);
    });

    it('passes on a failed precondition of its own writes', async () => {
      const decided = ledger.transact(() => [put('o-1', {}, 'exists')]);
      expect(await rejection(decided)).to.include({ reason: 'PRECONDITION_FAILED' });
    });

    it('fails if what was absent for decide is there at the commit, and decides again', async () => {
      let runs = 0;
      await ledger.transact(async (view) => {
        runs += 1;
        const found = await view.get('orders', 'o-1');
        if (runs === 1) await ledger.commit({ writes: [put('o-1', { by: 'other' })] });
        return found ? [] : [put('o-1', { by: 'us' })];
      });
      expect(runs).to.equal(2);
      expect((await ledger.get('orders', 'o-1'))?.value).to.deep.equal({ by: 'other' });
    });

    it('decides again instead of failing on two reads that do not belong together', async () => {
      await ledger.commit({ writes: [put('a', { n: 1 }), put('b', { n: 1 })] });
      let runs = 0;
      await ledger.transact(async (view) => {
        runs += 1;
        const a = await view.get('orders', 'a');
        if (runs === 1) await ledger.commit({ writes: [put('a', { n: 2 }), put('b', { n: 2 })] });
        const b = await view.get('orders', 'b');
        if (a?.value.n !== b?.value.n) throw new Error('a and b differ');
        return [];
      });
      expect(runs).to.equal(2);
    });

    it('builds on what another commit is about to leave', async () => {
      const value = { n: 1, list: [{ text: 'a' }] };
      const [first, second] = await Promise.all([
        ledger.transact((view) => {
          view.expect('orders', 'a', undefined);
          return [put('a', value)];
        }),
        ledger.transact((view) => {
          view.expect('orders', 'a', value);
          return [put('b', { on: 1 })];
        }),
      ]);
      expect(second.revision).to.equal(first.revision + 1);
      expect((await ledger.get('orders', 'b'))?.value).to.deep.equal({ on: 1 });
    });

    it('decides again where a value that is expected is not there', async () => {
      await ledger.commit({ writes: [put('a', { n: 2 })] });
      for (const wanted of [{ n: 1 }, undefined]) {
        let runs = 0;
        await ledger.transact((view) => {
          runs += 1;
          if (runs > 1) return [];
          view.expect('orders', 'a', wanted);
          return [put('b', {})];
        });
        expect(runs).to.equal(2);
      }
      expect(await ledger.get('orders', 'b')).to.equal(undefined);
    });

    it('gives the first result when a twin of the request is answered while decide reads', async () => {
      const request = { caller: 'a', id: 'r-1', fingerprint: 'f' };
      const result = await ledger.transact(
        async (view) => {
          await ledger.commit({ writes: [put('o-1', { by: 'twin' })], request });
          if (await view.get('orders', 'o-1')) throw new Error('it exists');
          return [put('o-1', { by: 'us' })];
        },
        { request },
      );
      expect(result).to.include({ replayed: true, revision: 1 });
    });

    it('does not decide for a request that was answered', async () => {
      const request = { caller: 'a', id: 'r-1', fingerprint: 'f' };
      const first = await ledger.transact(() => [put('o-1', { n: 1 })], { request });
      const replayed = await ledger.transact(() => expect.fail('decided'), { request });
      expect(replayed).to.deep.equal({ ...first, replayed: true });
    });
  });

  describe('reads', () => {
    it('give documents of one revision, in the order asked for', async () => {
      await ledger.commit({ writes: [put('a', { n: 1 }), put('b', { n: 2 })] });
      const { documents, revision } = await ledger.getMany('orders', ['b', 'missing', 'a']);
      expect(documents.map((document) => document?.id)).to.deep.equal(['b', undefined, 'a']);
      expect(revision).to.equal(1);
    });

    it('scan by prefix, page by page, in byte order', async () => {
      const ids = ['a', 'p/1', 'p/2', 'p/é', 'p0'];
      await ledger.commit({ writes: ids.map((id) => put(id, {})) });
      const first = await ledger.scan('orders', { prefix: 'p/', limit: 2 });
      const rest = await ledger.scan('orders', { prefix: 'p/', after: 'p/2', limit: 10 });
      expect(first.documents.map(({ id }) => id)).to.deep.equal(['p/1', 'p/2']);
      expect(rest.documents.map(({ id }) => id)).to.deep.equal(['p/é']);
    });

    it('scan in byte order beyond the basic plane', async function () {
      if (engine.ordersByUtf16) skipBecause(this, 'this server orders texts by their UTF-16 form');
      await ledger.commit({ writes: [put('\u{1F600}', {}), put('\uFFFD', {})] });
      const { documents } = await ledger.scan('orders', { limit: 10 });
      expect(documents.map(({ id }) => id)).to.deep.equal(['\uFFFD', '\u{1F600}']);
    });

    it('refuse a revision that was not given out yet', async () => {
      expect(await rejection(ledger.waitFor(1))).to.include({ reason: 'FUTURE_REVISION' });
    });
  });

  describe('follow()', () => {
    it('tells every commit in order from any revision, old or new', async () => {
      const following = take(ledger.follow({ after: 0 }), 30);
      for (let n = 1; n <= 30; n += 1) await ledger.commit({ writes: [put('o-1', { n })] });
      expect(revisionsOf(await following)).to.deep.equal(range(1, 30));
      await reopen();
      expect(revisionsOf(await take(ledger.follow({ after: 7 }), 23))).to.deep.equal(range(8, 30));
    });

    it('begins within an entry that holds several commits', async () => {
      await Promise.all(Array.from({ length: 20 }, (_, n) => ledger.commit({ writes: [put(`o-${n}`, {})] })));
      await reopen();
      for (const after of [0, 1, 10, 19]) {
        expect(revisionsOf(await take(ledger.follow({ after }), 20 - after))).to.deep.equal(range(after + 1, 20));
      }
    });

    it('gives checkpoints while nothing comes', async () => {
      await ledger.commit({ writes: [put('o-1', {})] });
      const [event] = await take(ledger.follow({ after: 1, checkpointIntervalMs: 10 }), 1);
      expect(event).to.deep.equal({ kind: 'checkpoint', revision: 1 });
    });

    it('ends with the reason of its signal', async () => {
      const controller = new AbortController();
      const following = take(ledger.follow({ after: 0, signal: controller.signal }), 1);
      setImmediate(() => controller.abort(new Error('gone')));
      expect(await rejection(following)).to.have.property('message', 'gone');
    });

    it('ends when the ledger is closed', async () => {
      const following = take(ledger.follow({ after: 0 }), 1);
      await ledger.close();
      expect(await rejection(following)).to.include({ reason: 'LEDGER_CLOSED' });
    });
  });
}

async function take(events: AsyncIterable<FollowEvent>, count: number): Promise<FollowEvent[]> {
  const taken: FollowEvent[] = [];
  for await (const event of events) if (taken.push(event) === count) break;
  return taken;
}

function revisionsOf(events: readonly FollowEvent[]): number[] {
  const commits: Commit[] = events.flatMap((event) => (event.kind === 'commit' ? [event.commit] : []));
  return commits.map(({ revision }) => revision);
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
