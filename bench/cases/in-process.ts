import { performance } from 'node:perf_hooks';
import type { Contender } from '../bench.js';
import { quantile } from '../statistics.js';

const MS_PER_SECOND = 1000;
const CALLERS = 64;

/** Loads something in this process, by so many callers of which each waits for its answer. */
export function callersContender(system: string, call: () => Promise<unknown>, callers = CALLERS): Contender {
  return {
    system,
    async load(durationMs) {
      const latenciesMs: number[] = [];
      const began = performance.now();
      const caller = async () => {
        while (performance.now() - began < durationMs) {
          const start = performance.now();
          await call();
          latenciesMs.push(performance.now() - start);
        }
      };
      await Promise.all(Array.from({ length: callers }, caller));
      const seconds = (performance.now() - began) / MS_PER_SECOND;
      return {
        rps: latenciesMs.length / seconds,
        p50Ms: quantile(latenciesMs, 0.5),
        p99Ms: quantile(latenciesMs, 0.99),
      };
    },
  };
}
