import { expect } from 'chai';
import type { LedgerObserver } from '../../../src/ledger/ledger.js';
import type { Freshness, ScanResult } from '../../../src/ledger/reads.js';
import { openReplica, type Replica } from '../../../src/repositories/replica.js';
import type { Commit } from '../../../src/store/entry.js';
import type { StateDocument } from '../../../src/store/state.js';

describe('openReplica()', () => {
  /** A ledger whose scans answer when the test lets them. */
  function createFakeLedger() {
    const scans: ((documents: readonly StateDocument[]) => void)[] = [];
    let observer: LedgerObserver | undefined;
    return {
      scans,
      observe: (given: LedgerObserver) => {
        observer = given;
        return () => (observer = undefined);
      },
      scan: () =>
        new Promise<ScanResult>((resolve) => {
          scans.push((documents) => resolve({ revision: 0, documents }));
        }),
      revision: () => 0,
      hasReached: (freshness: Freshness) => freshness === 'any',
      catchUp: async () => 0,
      waitFor: async () => undefined,
      commit: (revision: number, id: string, value: string | undefined) =>
        observer?.commits([aCommit(revision, id, value)]),
      reset: () => observer?.reset(1000),
      isObserved: () => observer !== undefined,
    };
  }

  function open(ledger: ReturnType<typeof createFakeLedger>) {
    const seen = new Map<string, string>();
    const observer = {
      clear: () => seen.clear(),
      set: (_collection: string, id: string, document: StateDocument | undefined) => {
        if (document === undefined) seen.delete(id);
        else seen.set(id, String(document.value['text'] as string));
      },
    };
    const opened: Promise<Replica> = openReplica({ ledger, collections: ['things'], observer });
    return { seen, opened };
  }

  it('tells what is there, and then every change', async () => {
    const ledger = createFakeLedger();
    const { seen, opened } = open(ledger);
    ledger.scans[0]?.([aDocument(1, 'a', 'one'), aDocument(2, 'b', 'two')]);
    await opened;

    ledger.commit(3, 'b', 'three');
    ledger.commit(4, 'a', undefined);

    expect([...seen]).to.deep.equal([['b', 'three']]);
  });

  it('does not put back what changed while it read', async () => {
    const ledger = createFakeLedger();
    const { seen, opened } = open(ledger);
    ledger.commit(3, 'a', 'new');
    ledger.commit(4, 'b', undefined);
    ledger.scans[0]?.([aDocument(1, 'a', 'old'), aDocument(2, 'b', 'gone')]);
    await opened;

    expect([...seen]).to.deep.equal([['a', 'new']]);
  });

  it('reads everything again after commits were missed, and holds up whoever waits', async () => {
    const ledger = createFakeLedger();
    const { seen, opened } = open(ledger);
    ledger.scans[0]?.([aDocument(1, 'a', 'one')]);
    const replica = await opened;
    ledger.reset();
    expect([...seen]).to.deep.equal([]);

    let isReached = false;
    const reached = replica.reach()?.then(() => (isReached = true));
    await Promise.resolve();
    expect(isReached).to.equal(false);
    // Half-way, commits are missed once more.
    ledger.reset();
    await settled();
    ledger.scans[1]?.([aDocument(5, 'a', 'half')]);
    await settled();
    ledger.scans[2]?.([aDocument(9, 'a', 'nine')]);
    await reached;

    expect([...seen]).to.deep.equal([['a', 'nine']]);
  });

  it('holds up nobody who asks for no more than is known', async () => {
    const ledger = createFakeLedger();
    const { opened } = open(ledger);
    ledger.scans[0]?.([]);
    const replica = await opened;
    const saw: number[] = [];
    const consistency = { freshness: 'any' as const, saw: (revision: number) => saw.push(revision) };

    expect(replica.reach({ consistency })).to.equal(undefined);
    expect(saw).to.deep.equal([0]);
    expect(replica.reach()).to.be.instanceOf(Promise);
    ledger.reset();
    expect(replica.reach({ consistency })).to.be.instanceOf(Promise);
  });

  it('stops listening when it is closed', async () => {
    const ledger = createFakeLedger();
    const { opened } = open(ledger);
    ledger.scans[0]?.([]);
    (await opened).close();

    expect(ledger.isObserved()).to.equal(false);
  });
});

async function settled(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function aDocument(revision: number, id: string, text: string): StateDocument {
  return { collection: 'things', id, value: { text }, revision, createRevision: 1, createTime: 0, updateTime: 0 };
}

function aCommit(revision: number, id: string, text: string | undefined): Commit {
  const name = { collection: 'things', id };
  const write =
    text === undefined
      ? { ...name, kind: 'delete' as const }
      : { ...name, kind: 'put' as const, value: { text }, createRevision: 1, createTime: 0 };
  return { revision, time: 0, writes: [write] };
}
