import type { Bucket, MethodFigures } from './figures.js';

const MS_PER_SECOND = 1000;

/** What a method did between two looks at its figures. */
export interface MethodRates {
  readonly service: string;
  readonly method: string;
  readonly callsPerSecond: number;
  readonly failedPerSecond: number;
  /** Estimated from buckets; undefined where there was no call. */
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
}

/** The rates of all methods together, and of each that has been called since the process started. */
export function ratesBetween(
  before: readonly MethodFigures[],
  after: readonly MethodFigures[],
  seconds: number,
): { readonly all: MethodRates; readonly methods: readonly MethodRates[] } {
  const earlier = new Map(before.map((figures) => [`${figures.service}/${figures.method}`, figures]));
  const changes = after.map((figures) => changeOf(figures, earlier.get(`${figures.service}/${figures.method}`)));
  const all = {
    service: '',
    method: '',
    calls: changes.reduce((sum, { calls }) => sum + calls, 0),
    failed: changes.reduce((sum, { failed }) => sum + failed, 0),
    buckets: addBuckets(changes.map(({ buckets }) => buckets)),
  };
  const toRates = ({ service, method, calls, failed, buckets }: MethodFigures): MethodRates => ({
    service,
    method,
    callsPerSecond: calls / seconds,
    failedPerSecond: failed / seconds,
    p50Ms: quantile(buckets, 0.5),
    p99Ms: quantile(buckets, 0.99),
  });
  return { all: toRates(all), methods: changes.map(toRates) };
}

/**
 * The duration in milliseconds that a part of the calls did not exceed, as far as buckets tell: within a bucket, calls are taken to
 * be spread evenly; beyond the last bound, that bound is given.
 */
export function quantile(buckets: readonly Bucket[], part: number): number | undefined {
  const total = buckets.at(-1)?.count ?? 0;
  if (total === 0) return undefined;
  const wanted = total * part;
  let below: Bucket = { le: 0, count: 0 };
  for (const bucket of buckets) {
    if (bucket.count >= wanted) {
      if (bucket.le === Infinity) return below.le * MS_PER_SECOND;
      const within = (wanted - below.count) / (bucket.count - below.count);
      return (below.le + (bucket.le - below.le) * within) * MS_PER_SECOND;
    }
    below = bucket;
  }
  return below.le * MS_PER_SECOND;
}

/** Where a process was started again, what it counts begins anew. */
function changeOf(after: MethodFigures, before: MethodFigures | undefined): MethodFigures {
  if (before === undefined || before.calls > after.calls) return after;
  const counts = new Map(before.buckets.map(({ le, count }) => [le, count]));
  return {
    ...after,
    calls: after.calls - before.calls,
    failed: after.failed - before.failed,
    buckets: after.buckets.map(({ le, count }) => ({ le, count: count - (counts.get(le) ?? 0) })),
  };
}

function addBuckets(all: readonly (readonly Bucket[])[]): readonly Bucket[] {
  const counts = new Map<number, number>();
  for (const { le, count } of all.flat()) counts.set(le, (counts.get(le) ?? 0) + count);
  return [...counts].map(([le, count]) => ({ le, count })).sort((a, b) => a.le - b.le);
}
