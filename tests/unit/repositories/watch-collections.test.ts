import { expect } from 'chai';
import type { LedgerObserver } from '../../../src/ledger/ledger.js';
import { watchCollections } from '../../../src/repositories/watch-collections.js';

describe('watchCollections()', () => {
  let observer: LedgerObserver | undefined;
  let changes: number;
  let stop: () => void;

  beforeEach(() => {
    changes = 0;
    const ledger = {
      observe: (given: LedgerObserver) => {
        observer = given;
        return () => (observer = undefined);
      },
    };
    stop = watchCollections(ledger, ['users', 'api_keys'], () => (changes += 1));
  });

  const commit = (...collections: string[]) =>
    observer?.commits([{ writes: collections.map((collection) => ({ collection })) }] as never);

  it('tells of a change in one of the collections, wherever in a commit it stands', () => {
    commit('documents', 'users');
    expect(changes).to.equal(1);
    commit('api_keys');
    expect(changes).to.equal(2);
  });

  it('does not tell of others', () => {
    commit('documents', 'users_of_something');
    expect(changes).to.equal(0);
  });

  it('tells when commits were missed', () => {
    observer?.reset(9);
    expect(changes).to.equal(1);
  });

  it('stops when it is told to', () => {
    stop();
    expect(observer).to.equal(undefined);
  });
});
