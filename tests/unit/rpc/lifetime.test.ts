import { expect } from 'chai';
import { CallerWatch } from '../../../src/rpc/caller-watch.js';
import { ServiceError } from '../../../src/rpc/errors.js';
import { CallLifetime } from '../../../src/rpc/lifetime.js';
import { rejection } from '../../support/rejection.js';

const REASON = new ServiceError('SERVER_DRAINING', 'Server is shutting down');

describe('CallLifetime', () => {
  let caller: CallerWatch;
  let ends: ServiceError[];
  let lifetime: CallLifetime;

  beforeEach(() => {
    caller = new CallerWatch();
    ends = [];
    lifetime = new CallLifetime(caller, 60_000, (reason) => ends.push(reason));
  });
  afterEach(() => lifetime.close());

  it('aborts a signal that was asked for before the end, and one that is asked for after it', () => {
    const before = lifetime.signal;
    lifetime.end(REASON);
    expect(before.aborted).to.equal(true);
    expect(before.reason).to.equal(REASON);
    expect(lifetime.signal).to.equal(before);

    const late = new CallLifetime(new CallerWatch(), Infinity, () => undefined);
    late.end(REASON);
    expect(late.signal.reason).to.equal(REASON);
  });

  it('is open until it ends, and tells why it did', () => {
    lifetime.assertOpen();
    lifetime.end(REASON);
    expect(() => lifetime.assertOpen()).to.throw(REASON);
    expect(ends).to.deep.equal([REASON]);
  });

  it('is not open, from the first moment on, for a caller that has gone before it began', () => {
    const gone = new CallerWatch();
    gone.abort();
    const late = new CallLifetime(gone, Infinity, (reason) => ends.push(reason));

    expect(() => late.assertOpen()).to.throw('cancelled by the caller');
    expect(ends).to.have.length(1);
    late.close();
  });

  it('rejects what is waited for, at the end and after it, and takes no other end', async () => {
    const waiting = rejection(lifetime.race(new Promise(() => undefined)));
    lifetime.end(REASON);
    lifetime.end(new ServiceError('DEADLINE_EXCEEDED', 'too late'));
    expect(await waiting).to.equal(REASON);
    expect(await rejection(lifetime.race(Promise.resolve(1)))).to.equal(REASON);
    expect(ends).to.deep.equal([REASON]);
  });

  it('calls back whoever has not taken that back', () => {
    const heard: string[] = [];
    lifetime.whenEnded(() => heard.push('first'));
    const release = lifetime.whenEnded(() => heard.push('second'));
    release();
    lifetime.end(REASON);
    lifetime.whenEnded(() => heard.push('late'));
    expect(heard).to.deep.equal(['first', 'late']);
  });

  it('ends with its caller, once', () => {
    caller.abort();
    caller.abort();
    expect(ends.map(({ reason }) => reason)).to.deep.equal(['CALL_CANCELLED']);
  });

  it('hears nothing of its caller once it is closed, and ends what still runs on the signal', () => {
    const { signal } = lifetime;
    lifetime.close();
    caller.abort();
    expect(ends).to.deep.equal([]);
    expect(signal.aborted).to.equal(true);
  });
});
