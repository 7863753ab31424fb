import { expect } from 'chai';
import { Loadings } from '../../../src/cache/loadings.js';
import { deferred } from '../../support/deferred.js';

describe('Loadings', () => {
  it('offers a read under way until it ends', async () => {
    const loadings = new Loadings<string>();
    const read = deferred<string>();

    loadings.add('a', read.promise);

    expect(loadings.find('a')).to.equal(read.promise);
    expect(loadings.find('b')).to.equal(undefined);
    read.resolve('value');
    await read.promise;
    expect(loadings.find('a')).to.equal(undefined);
  });

  it('offers no read whose key has changed since', () => {
    const loadings = new Loadings<string>();
    loadings.add('a', deferred<string>().promise);
    const other = deferred<string>();
    loadings.add('b', other.promise);

    loadings.overtake('a');

    expect(loadings.find('a')).to.equal(undefined);
    expect(loadings.find('b')).to.equal(other.promise);
    loadings.overtakeAll();
    expect(loadings.find('b')).to.equal(undefined);
  });

  it('keeps the newer of two reads when the older ends', async () => {
    const loadings = new Loadings<string>();
    const older = deferred<string>();
    loadings.add('a', older.promise);
    loadings.overtake('a');
    const newer = deferred<string>();
    loadings.add('a', newer.promise);

    older.resolve('old');
    await older.promise;

    expect(loadings.find('a')).to.equal(newer.promise);
  });
});
