import { expect } from 'chai';
import { createLog } from '../../../src/ledger/log.js';
import { genesisHash, sealEntry, type Entry } from '../../../src/store/entry.js';
import type { Store } from '../../../src/store/store.js';
import { createGate } from '../../support/delegating-store.js';
import { createManualClock } from '../../support/manual-clock.js';

const START = { revision: 0, hash: genesisHash('db'), time: 0 };

describe('progress()', () => {
  it('counts what waits for a look at the tail, and the looks that were made for it', async () => {
    const { log } = aLog();

    // The first begins at once; the others may not join it, and share the next.
    await Promise.all(Array.from({ length: 64 }, () => log.catchUp()));
    const first = log.progress();
    const running = log.catchUp();
    await Promise.resolve();
    await Promise.all([running, ...Array.from({ length: 9 }, () => log.catchUp())]);

    expect(first).to.include({ catchUpsWanted: 64, catchUpsMade: 1 });
    expect(log.progress()).to.include({ catchUpsWanted: 74, catchUpsMade: 3 });
  });

  it('tells how far the log goes beyond what is applied', async () => {
    const gate = createGate();
    const { log } = aLog({ entries: [anEntry(3)], apply: () => gate.pass() });

    const running = log.catchUp();
    await gate.reached;
    expect(log.progress()).to.include({ lagRevisions: 3 });
    gate.open();
    await running;

    expect(log.progress()).to.include({ lagRevisions: 0 });
  });

  it('believes what it hears until it has looked', async () => {
    const { log } = aLog();
    await log.catchUp();

    log.heard(1_000);
    expect(log.progress()).to.include({ lagRevisions: 1_000 });
    await log.catchUp();

    expect(log.progress()).to.include({ lagRevisions: 0 });
  });

  it('tells how old the last look at the tail is', async () => {
    const { log, clock } = aLog();
    await log.catchUp();
    clock.advance(1_500);
    expect(log.progress()).to.include({ confirmedMsAgo: 1_500 });
    await log.catchUp();

    expect(log.progress()).to.include({ confirmedMsAgo: 0 });
  });

  it('has no lag where no other process appends', async () => {
    const { log, clock } = aLog({ shared: false });
    await log.catchUp();
    clock.advance(1_500);

    expect(log.progress()).to.deep.equal({
      lagRevisions: 0,
      confirmedMsAgo: 0,
      catchUpsWanted: 0,
      catchUpsMade: 0,
    });
  });
});

interface Circumstances {
  readonly entries?: readonly Entry[];
  readonly apply?: () => Promise<void>;
  readonly shared?: boolean;
}

function aLog({ entries = [], apply = async () => {}, shared = true }: Circumstances = {}) {
  const clock = createManualClock();
  const store: Pick<Store, 'shared' | 'readTail' | 'readFloor' | 'apply'> = {
    shared,
    readTail: async (after) => entries.filter(({ first }) => first > after),
    readFloor: async () => START,
    apply,
  };
  // A log calls nothing else of it.
  return { clock, log: createLog({ store: store as Store, start: START, clock }) };
}

function anEntry(commits: number): Entry {
  const revisions = Array.from({ length: commits }, (_, index) => index + 1);
  return sealEntry({
    commits: revisions.map((revision) => ({ revision, time: 0, writes: [] })),
    time: 0,
    batchId: 'b',
    previousHash: START.hash,
  });
}
