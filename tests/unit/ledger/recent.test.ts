import { expect } from 'chai';
import { RECENT_COMMITS_MAX } from '../../../src/ledger/limits.js';
import { createRecent } from '../../../src/ledger/recent.js';
import type { Commit, Entry } from '../../../src/store/entry.js';

describe('createRecent()', () => {
  it('gives the commits above a revision, from the middle of an entry too', () => {
    const recent = createRecent(10);
    recent.commits(...stretch(11, 13));
    recent.commits(...stretch(14, 14));
    expect(revisions(recent.after(10))).to.deep.equal([11, 12, 13, 14]);
    expect(revisions(recent.after(12))).to.deep.equal([13, 14]);
    expect(revisions(recent.after(14))).to.deep.equal([]);
  });

  it('says so when it does not go back that far', () => {
    expect(createRecent(10).after(9)).to.equal(undefined);
  });

  it('keeps no more than its limit, and the newest', () => {
    const recent = createRecent(0);
    for (let first = 1; first <= 3 * RECENT_COMMITS_MAX; first += 64) recent.commits(...stretch(first, first + 63));
    expect(recent.after(0)).to.equal(undefined);
    const last = 3 * RECENT_COMMITS_MAX;
    expect(revisions(recent.after(last - RECENT_COMMITS_MAX))).to.have.length(RECENT_COMMITS_MAX);
    expect(recent.after(last - RECENT_COMMITS_MAX - 1)).to.equal(undefined);
  });

  it('begins anew after a reset', () => {
    const recent = createRecent(0);
    recent.commits(...stretch(1, 3));
    recent.reset(7);
    expect(recent.after(3)).to.equal(undefined);
    recent.commits(...stretch(8, 8));
    expect(revisions(recent.after(7))).to.deep.equal([8]);
  });
});

function stretch(first: number, last: number): [readonly Commit[], Entry] {
  const commits = Array.from({ length: last - first + 1 }, (_, n) => ({ revision: first + n, time: 0, writes: [] }));
  return [commits, { first, last, time: 0, batchId: '', previousHash: '', hash: '', body: '' }];
}

function revisions(commits: readonly Commit[] | undefined): number[] | undefined {
  return commits?.map(({ revision }) => revision);
}
