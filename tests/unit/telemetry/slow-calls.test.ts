import { expect } from 'chai';
import { SLOW_CALL_MS_MAX, SLOW_CALLS_MAX, SlowCalls, slowestOf } from '../../../src/telemetry/slow-calls.js';

const aCall = (durationMs: number) => ({
  service: 's',
  method: 'm',
  protocol: 'grpc',
  code: 'OK',
  durationMs,
  requestId: `r-${durationMs}`,
});

describe('SlowCalls', () => {
  it('keeps the slowest, the slowest first', () => {
    const calls = new SlowCalls();
    for (let ms = 1; ms <= 100; ms += 1) calls.note(aCall((ms * 37) % 101));
    expect(calls.list().map(({ durationMs }) => durationMs)).to.deep.equal(
      Array.from({ length: SLOW_CALLS_MAX }, (_, index) => 100 - index),
    );
  });
});

describe('slowestOf()', () => {
  it('forgets calls that have ended too long ago', () => {
    const calls = [
      { ...aCall(500), endTime: 0 },
      { ...aCall(1), endTime: SLOW_CALL_MS_MAX - 1 },
    ];
    expect(slowestOf(calls, SLOW_CALL_MS_MAX).map(({ durationMs }) => durationMs)).to.deep.equal([1]);
  });
});
