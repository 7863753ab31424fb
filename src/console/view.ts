import type { SlowCall } from '../telemetry/slow-calls.js';
import type { Figures } from './figures.js';
import { ratesBetween, type MethodRates } from './rates.js';

const MS_PER_SECOND = 1000;

/** How a process does at one moment. */
export interface ConsoleSample {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly figures: Figures;
  readonly isReady: boolean;
  /** One line for each thing that is lost. */
  readonly lost: readonly string[];
  readonly slowest: readonly SlowCall[];
}

/** What the page shows of it. */
export interface ConsoleView {
  readonly time: number;
  readonly isReady: boolean;
  readonly lost: readonly string[];
  readonly services: readonly { readonly name: string; readonly isServing: boolean }[];
  readonly callsPerSecond: number;
  readonly failedPerSecond: number;
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  readonly running: number;
  readonly connections: Readonly<Record<string, number>>;
  /** Of the reads since the sample before, from 0 to 1; undefined where there was none. */
  readonly hitRate: number | undefined;
  readonly revision: number;
  readonly lagRevisions: number;
  readonly lagMs: number;
  readonly latenessMs: number;
  readonly memoryBytes: number;
  readonly methods: readonly MethodRates[];
  readonly slowest: readonly SlowCall[];
}

/** Shows a sample beside an earlier one; the same one twice shows no rates. */
export function viewOf(before: ConsoleSample, { time, figures, isReady, lost, slowest }: ConsoleSample): ConsoleView {
  const seconds = Math.max((time - before.time) / MS_PER_SECOND, 1 / MS_PER_SECOND);
  const { all, methods } = ratesBetween(before.figures.methods, figures.methods, seconds);
  const { serving, running, connections, revision, lagRevisions, lagMs, latenessMs, memoryBytes } = figures;
  const services = Object.entries(serving).map(([name, isServing]) => ({ name, isServing }));
  return {
    time,
    isReady,
    lost,
    services: services.sort((a, b) => (a.name < b.name ? -1 : 1)),
    callsPerSecond: all.callsPerSecond,
    failedPerSecond: all.failedPerSecond,
    p50Ms: all.p50Ms,
    p99Ms: all.p99Ms,
    hitRate: hitRateBetween(before.figures, figures),
    methods,
    slowest,
    ...{ running, connections, revision, lagRevisions, lagMs, latenessMs, memoryBytes },
  };
}

function hitRateBetween(before: Figures, after: Figures): number | undefined {
  const hits = after.cacheHits - before.cacheHits;
  const reads = hits + after.cacheMisses - before.cacheMisses;
  return reads > 0 && hits >= 0 ? hits / reads : undefined;
}
