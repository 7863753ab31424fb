import { expect } from 'chai';
import { createConsoleFeed } from '../../../src/console/feed.js';
import { readFigures } from '../../../src/console/figures.js';
import type { ConsoleSample } from '../../../src/console/view.js';

const SAMPLE_MS = 5;

describe('createConsoleFeed()', () => {
  let time = 1000;
  let taken = 0;
  const takeSample = async (): Promise<ConsoleSample> => {
    taken += 1;
    time += 1000;
    return { time, figures: readFigures([]), isReady: true, lost: [], slowest: [] };
  };

  it('takes samples only while somebody watches, and forgets nobody who has gone', async () => {
    const feed = createConsoleFeed(takeSample, SAMPLE_MS);
    expect(taken).to.equal(0);
    const gone = new AbortController();
    const watching = feed.watch(gone.signal);
    const first = await watching.next();
    expect(first.value).to.have.nested.property('view.isReady', true);
    expect(feed.viewers).to.equal(1);
    gone.abort();
    expect(await watching.next()).to.include({ done: true });
    expect(feed.viewers).to.equal(0);
    // Would keep the process from ending if a timer still ran.
    expect(taken).to.equal(1);
  });

  it('gives who comes later all points so far, and each point once', async () => {
    const feed = createConsoleFeed(takeSample, SAMPLE_MS);
    const gone = new AbortController();
    const early = feed.watch(gone.signal);
    const seen = [await early.next(), await early.next()].flatMap(({ value }) => value?.points ?? []);
    const late = feed.watch(gone.signal);
    expect((await late.next()).value?.points.slice(0, seen.length)).to.deep.equal(seen);
    expect(new Set(seen.map((point) => point.time)).size).to.equal(seen.length);
    gone.abort();
    await Promise.all([early.return(undefined), late.return(undefined)]);
    expect(feed.viewers).to.equal(0);
  });

  it('goes on after a sample that failed', async () => {
    let fails = true;
    const feed = createConsoleFeed(() => {
      if (!fails) return takeSample();
      fails = false;
      return Promise.reject(new Error('worker gone'));
    }, SAMPLE_MS);
    const gone = new AbortController();
    const watching = feed.watch(gone.signal);
    expect((await watching.next()).value?.view.isReady).to.equal(true);
    gone.abort();
    await watching.next();
  });
});
