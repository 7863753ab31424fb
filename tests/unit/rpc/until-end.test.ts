import { expect } from 'chai';
import { CallerWatch } from '../../../src/rpc/caller-watch.js';
import { ServiceError } from '../../../src/rpc/errors.js';
import { CallLifetime } from '../../../src/rpc/lifetime.js';
import { UntilEnd } from '../../../src/rpc/until-end.js';
import { deferred, type Deferred } from '../../support/deferred.js';
import { rejection } from '../../support/rejection.js';

const ENOUGH = new ServiceError('CALL_CANCELLED', 'Enough');

/** A source that gives what it is told to, and notes when it is told to stop. */
class Source implements AsyncIterableIterator<number> {
  asked: Deferred<IteratorResult<number>>[] = [];
  stops = 0;

  next(): Promise<IteratorResult<number>> {
    const asked = deferred<IteratorResult<number>>();
    this.asked.push(asked);
    return asked.promise;
  }

  return(): Promise<IteratorResult<number>> {
    this.stops += 1;
    // One that hangs: nobody may wait for it.
    return new Promise(() => undefined);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  give(value: number): void {
    this.asked.at(-1)?.resolve({ done: false, value });
  }
}

describe('UntilEnd', () => {
  let source: Source;
  let lifetime: CallLifetime;
  let values: UntilEnd<number>;

  beforeEach(() => {
    source = new Source();
    lifetime = new CallLifetime(new CallerWatch(), Infinity, () => undefined);
    values = new UntilEnd(lifetime, source);
  });

  afterEach(() => lifetime.close());

  it('gives what the source gives, and ends when it ends', async () => {
    const seen: number[] = [];
    const done = (async () => {
      for await (const value of values) seen.push(value);
    })();
    for (const value of [1, 2]) {
      while (source.asked.length < value) await Promise.resolve();
      source.give(value);
    }
    while (source.asked.length < 3) await Promise.resolve();
    source.asked.at(-1)?.resolve({ done: true, value: undefined });
    await done;

    expect(seen).to.deep.equal([1, 2]);
    expect(await values.next()).to.deep.equal({ done: true, value: undefined });
    lifetime.end(ENOUGH);
    expect(source.stops).to.equal(0);
  });

  it('fails as the source does, and is over then', async () => {
    source.next = () => Promise.reject(new RangeError('broken'));

    await rejection(values.next(), RangeError);
    expect(await values.next()).to.deep.equal({ done: true, value: undefined });
  });

  it('fails when the call ends while a value is waited for, and drops what comes after', async () => {
    const next = values.next();
    lifetime.end(ENOUGH);

    expect(await rejection(next, ServiceError)).to.equal(ENOUGH);
    expect(source.stops).to.equal(1);
    source.give(1);
    expect(await rejection(values.next(), ServiceError)).to.equal(ENOUGH);
    expect(source.asked).to.have.length(1);
  });

  it('tells the source to stop when the call ends while nobody asks', async () => {
    const next = values.next();
    source.give(1);
    await next;
    lifetime.end(ENOUGH);

    expect(source.stops).to.equal(1);
    expect(await rejection(values.next(), ServiceError)).to.equal(ENOUGH);
  });

  it('takes nothing of the source for a call that has ended before', async () => {
    lifetime.end(ENOUGH);
    const late = new UntilEnd(lifetime, source);

    expect(await rejection(late.next(), ServiceError)).to.equal(ENOUGH);
    expect(source.asked).to.have.length(0);
    expect(source.stops).to.equal(2);
  });

  it('tells the source to stop when its reader does, once, and does not wait for it', async () => {
    const next = values.next();
    source.give(1);
    await next;

    expect(await values.return()).to.deep.equal({ done: true, value: undefined });
    await values.return();
    lifetime.end(ENOUGH);
    expect(source.stops).to.equal(1);
    expect(await values.next()).to.deep.equal({ done: true, value: undefined });
  });
});
