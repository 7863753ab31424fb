/** However late the process is, this many calls may run: fewer would be no work at all. */
const CALLS_MIN = 32;
/** What is kept of the calls that run when the process is late, and what is added while it is not (as TCP does). */
const DECREASE = 0.7;
const INCREASE = 1.1;
const TICK_MS = 50;

export interface LoadLimitOptions {
  /** How late the process may be before it takes on less. */
  readonly latenessMsMax: number;
  /** What it takes on while it is not late. */
  readonly callsMax: number;
}

/** How many unary calls may run at one moment: fewer while the process is late, so that those it takes are done in time. */
export interface LoadLimit {
  readonly callsMax: number;
  /** Takes in how late the process has just been, and how many calls ran then. */
  observe(latenessMs: number, running: number): void;
}

export function createLoadLimit({ latenessMsMax, callsMax }: LoadLimitOptions): LoadLimit {
  let current = callsMax;
  return {
    get callsMax() {
      return current;
    },
    observe(latenessMs, running) {
      if (latenessMs > latenessMsMax) {
        current = Math.min(callsMax, Math.max(CALLS_MIN, Math.floor(Math.min(current, running) * DECREASE)));
      } else if (current < callsMax) {
        current = Math.min(callsMax, Math.ceil(current * INCREASE));
      }
    },
  };
}

/** Measures how late this process is by how late a timer fires, for as long as it is not closed. */
export function watchLoad(limit: LoadLimit, running: () => number): { close(): void } {
  let dueMs = performance.now() + TICK_MS;
  const timer = setInterval(() => {
    const nowMs = performance.now();
    limit.observe(Math.max(0, nowMs - dueMs), running());
    dueMs = nowMs + TICK_MS;
  }, TICK_MS).unref();
  return { close: () => clearInterval(timer) };
}
