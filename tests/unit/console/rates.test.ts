import { expect } from 'chai';
import type { MethodFigures } from '../../../src/console/figures.js';
import { quantile, ratesBetween } from '../../../src/console/rates.js';

const aMethod = (figures: Partial<MethodFigures>): MethodFigures => ({
  service: 's',
  method: 'm',
  calls: 0,
  failed: 0,
  buckets: [],
  ...figures,
});
const buckets = (...counts: readonly [le: number, count: number][]) => counts.map(([le, count]) => ({ le, count }));

describe('quantile()', () => {
  it('takes calls to be spread evenly in their bucket', () => {
    expect(quantile(buckets([0.1, 0], [0.2, 10], [Infinity, 10]), 0.5)).to.be.closeTo(150, 0.001);
  });

  it('gives the last bound for calls beyond it', () => {
    expect(quantile(buckets([0.1, 1], [60, 1], [Infinity, 100]), 0.99)).to.equal(60_000);
  });

  it('gives nothing where there was no call', () => {
    expect(quantile(buckets([0.1, 0], [Infinity, 0]), 0.5)).to.equal(undefined);
    expect(quantile([], 0.5)).to.equal(undefined);
  });
});

describe('ratesBetween()', () => {
  it('divides what came in between by the seconds, of each method and of all together', () => {
    const before = [aMethod({ calls: 10, failed: 1, buckets: buckets([1, 10], [Infinity, 10]) })];
    const after = [
      aMethod({ calls: 30, failed: 6, buckets: buckets([1, 30], [Infinity, 30]) }),
      aMethod({ method: 'new', calls: 10, buckets: buckets([1, 10], [Infinity, 10]) }),
    ];
    const { all, methods } = ratesBetween(before, after, 10);
    expect(
      methods.map(({ method, callsPerSecond, failedPerSecond }) => [method, callsPerSecond, failedPerSecond]),
    ).to.deep.equal([
      ['m', 2, 0.5],
      ['new', 1, 0],
    ]);
    expect(all).to.include({ callsPerSecond: 3, failedPerSecond: 0.5, p50Ms: 500 });
  });

  it('begins anew where a process was started again and counts less than before', () => {
    const before = [aMethod({ calls: 1000 })];
    const { all } = ratesBetween(before, [aMethod({ calls: 5 })], 1);
    expect(all.callsPerSecond).to.equal(5);
  });
});
