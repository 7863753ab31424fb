import { expect } from 'chai';
import { createMarks } from '../../../src/ledger/marks.js';
import { genesisHash, sealEntry, type Entry } from '../../../src/store/entry.js';

const START = { revision: 0, hash: genesisHash('db'), time: 0 };

describe('createMarks()', () => {
  it('knows the end of each entry, and nothing within one or beyond', () => {
    const marks = createMarks(START);
    for (const entry of aHistory('a', 3)) marks.commits([], entry);

    expect([0, 2, 4, 6].map((revision) => typeof marks.at(revision))).to.deep.equal(Array(4).fill('bigint'));
    expect([1, 3, 5, 7].map((revision) => marks.at(revision))).to.deep.equal(Array(4).fill(undefined));
  });

  it('tells histories apart from where they part, although their revisions are the same', () => {
    const [here, there] = ['a', 'b'].map((batchId) => {
      const marks = createMarks(START);
      for (const entry of aHistory(batchId, 2)) marks.commits([], entry);
      return marks;
    });

    expect(here?.at(0)).to.equal(there?.at(0));
    for (const revision of [2, 4]) expect(here?.at(revision)).not.to.equal(there?.at(revision));
  });

  it('forgets the oldest, and finds the others in their places', () => {
    const entries = aHistory('a', 10);
    const whole = createMarks(START);
    const short = createMarks(START, 4);
    for (const entry of entries) for (const marks of [whole, short]) marks.commits([], entry);

    const kept = entries.slice(-4).map(({ last }) => last);
    for (const { last } of entries) {
      expect(short.at(last), `revision ${last}`).to.equal(kept.includes(last) ? whole.at(last) : undefined);
    }
  });

  it('knows nothing behind a gap, until there is an entry again', () => {
    const marks = createMarks(START);
    const [first, second] = aHistory('a', 2);
    if (first) marks.commits([], first);
    marks.reset(2);
    expect(marks.at(2)).to.equal(undefined);
    if (second) marks.commits([], second);

    expect(marks.at(4)).to.be.a('bigint');
  });
});

/** Entries of two commits each. */
function aHistory(batchId: string, length: number): Entry[] {
  const entries: Entry[] = [];
  for (let n = 0; n < length; n += 1) {
    const commits = [2 * n + 1, 2 * n + 2].map((revision) => ({ revision, time: 0, writes: [] }));
    entries.push(sealEntry({ commits, time: 0, batchId, previousHash: entries.at(-1)?.hash ?? START.hash }));
  }
  return entries;
}
