import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 10;
const NANOS_PER_MS = 1e6;

/** Says how late this process has been lately: everything in it shares one thread. */
export interface EventLoopWatch {
  /** Gives the longest delay, in milliseconds, of the current window and the one before. */
  lagMs(): number;
  close(): void;
}

export function watchEventLoop({ windowMs = 1000 }: { windowMs?: number } = {}): EventLoopWatch {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  let previousMs = 0;
  const currentMs = () => Math.max(0, histogram.max / NANOS_PER_MS - RESOLUTION_MS);
  const timer = setInterval(() => {
    previousMs = currentMs();
    histogram.reset();
  }, windowMs).unref();
  return {
    lagMs: () => Math.max(previousMs, currentMs()),
    close() {
      clearInterval(timer);
      histogram.disable();
    },
  };
}
