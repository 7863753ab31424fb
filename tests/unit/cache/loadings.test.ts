import { expect } from 'chai';
import { Loading, Loadings } from '../../../src/cache/loadings.js';
import { deferred } from '../../support/deferred.js';
import { rejection } from '../../support/rejection.js';

describe('Loadings', () => {
  it('lets others join a read until it ends', async () => {
    const loadings = new Loadings<string>();
    const { loading, read } = aLoading();

    loadings.add('a', loading);

    expect(loadings.find('a')).to.equal(loading);
    expect(loadings.find('b')).to.equal(undefined);
    read.resolve('done');
    await loading.result;
    expect(loadings.find('a')).to.equal(undefined);
  });

  it('lets nobody join a read whose key has changed since it began', () => {
    const loadings = new Loadings<string>();
    loadings.add('a', aLoading().loading);
    const other = aLoading().loading;
    loadings.add('b', other);

    loadings.overtake('a');

    expect(loadings.find('a')).to.equal(undefined);
    expect(loadings.find('b')).to.equal(other);
    loadings.overtakeAll();
    expect(loadings.find('b')).to.equal(undefined);
  });

  it('keeps the newer of two reads when the older ends', async () => {
    const loadings = new Loadings<string>();
    const older = aLoading();
    loadings.add('a', older.loading);
    loadings.overtake('a');
    const newer = aLoading();
    loadings.add('a', newer.loading);

    older.read.resolve('old');
    await older.loading.result;

    expect(loadings.find('a')).to.equal(newer.loading);
  });

  it('lets nobody join a read that was given up, though it has not ended', async () => {
    const loadings = new Loadings<string>();
    const leaving = new AbortController();
    const { loading } = aLoading(leaving.signal);
    loadings.add('a', loading);

    const gone = rejection(loading.wait(leaving.signal), Error);
    leaving.abort(new Error('gone'));
    await gone;

    expect(loadings.find('a')).to.equal(undefined);
  });
});

describe('a loading', () => {
  it('is given up when the last of those who wait has gone', async () => {
    const leaving = [new AbortController(), new AbortController()];
    const { loading, givenUp } = aLoading(leaving[0]?.signal);
    const waiting = leaving.map(({ signal }) => rejection(loading.wait(signal), Error));

    leaving[0]?.abort(new Error('the first is gone'));
    const first = await waiting[0];
    expect(givenUp()).to.equal(false);
    leaving[1]?.abort(new Error('the last is gone'));

    expect([first, await waiting[1]].map((err) => err?.message)).to.deep.equal([
      'the first is gone',
      'the last is gone',
    ]);
    expect(givenUp()).to.equal(true);
  });

  it('goes on for who joins in the moment in which the last one goes', async () => {
    const leaving = new AbortController();
    const { loading, givenUp, read } = aLoading(leaving.signal);
    const gone = rejection(loading.wait(leaving.signal), Error);

    leaving.abort(new Error('gone'));
    const joined = loading.wait(new AbortController().signal);
    await gone;
    read.resolve('value');

    expect(await joined).to.equal('value');
    expect(givenUp()).to.equal(false);
  });

  it('goes on for who comes with a signal that has aborted already and leaves others waiting', async () => {
    const { loading, givenUp, read } = aLoading(new AbortController().signal);
    const waiting = loading.wait(new AbortController().signal);

    await rejection(loading.wait(AbortSignal.abort(new Error('gone'))), Error);
    read.resolve('value');

    expect(await waiting).to.equal('value');
    expect(givenUp()).to.equal(false);
  });

  it('goes on for who joins without a signal', async () => {
    const leaving = new AbortController();
    const { loading, givenUp, read } = aLoading(leaving.signal);
    const gone = rejection(loading.wait(leaving.signal), Error);
    const joined = loading.wait(undefined);

    leaving.abort(new Error('gone'));
    await gone;
    read.resolve('value');

    expect(await joined).to.equal('value');
    expect(givenUp()).to.equal(false);
  });

  it('needs no signal of its own where the first to wait has none', () => {
    let given: AbortSignal | undefined = AbortSignal.abort();
    const loading = new Loading(async (signal) => {
      given = signal;
    }, undefined);

    expect(given).to.equal(undefined);
    expect(loading.wait(undefined)).to.equal(loading.result);
  });

  it('is not given up once it has ended', async () => {
    const staying = new AbortController();
    const { loading, givenUp, read } = aLoading(staying.signal);
    const waiting = loading.wait(staying.signal);

    read.resolve('value');
    await waiting;
    staying.abort();

    expect(givenUp()).to.equal(false);
  });
});

/** A read that a test ends, for who has that signal. */
function aLoading(first?: AbortSignal) {
  const read = deferred<string>();
  let given: AbortSignal | undefined;
  const loading = new Loading<string>((signal) => {
    given = signal;
    return read.promise;
  }, first);
  return { loading, read, givenUp: () => given?.aborted === true };
}
