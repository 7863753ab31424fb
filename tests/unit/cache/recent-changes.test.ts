import { expect } from 'chai';
import { RecentChanges } from '../../../src/cache/recent-changes.js';

describe('RecentChanges', () => {
  it('knows what has changed since a revision above its floor', () => {
    const changes = new RecentChanges({ floor: 10, keysMax: 100 });
    changes.record('a', 12);

    expect(changes.isUnchangedSince('a', 11)).to.equal(false);
    expect(changes.isUnchangedSince('a', 12)).to.equal(true);
    expect(changes.isUnchangedSince('b', 10)).to.equal(true);
  });

  it('is certain of nothing below its floor', () => {
    expect(new RecentChanges({ floor: 10, keysMax: 100 }).isUnchangedSince('b', 9)).to.equal(false);
  });

  it('raises its floor over what it has to forget', () => {
    const changes = new RecentChanges({ floor: 0, keysMax: 2 });
    changes.record('a', 1);
    changes.record('b', 2);
    changes.record('a', 3);
    changes.record('c', 4);

    expect(changes.isUnchangedSince('b', 1)).to.equal(false);
    expect(changes.isUnchangedSince('x', 1)).to.equal(false);
    expect(changes.isUnchangedSince('x', 2)).to.equal(true);
    expect(changes.isUnchangedSince('a', 2)).to.equal(false);
  });

  it('forgets all at a reset', () => {
    const changes = new RecentChanges({ floor: 0, keysMax: 2 });
    changes.record('a', 1);
    changes.reset(7);

    expect(changes.isUnchangedSince('a', 6)).to.equal(false);
    expect(changes.isUnchangedSince('a', 7)).to.equal(true);
  });
});
