import { performance } from 'node:perf_hooks';

/** Two clocks: one tells the time of day, the other how much of it has passed. */
export interface LedgerClock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds since some moment; never goes back. */
  monotonic(): number;
}

export const SYSTEM_CLOCK: LedgerClock = { now: () => Date.now(), monotonic: () => performance.now() };

/** What the ledger asks of a logger; pino's has it. */
export interface LedgerLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Carries word between processes that there is something new. Losing it costs time and nothing else. */
export interface Wake {
  /** Tells the others how far the log goes now. Never throws and never waits. */
  announce(revision: number): void;
  /** Is called when others announce. The function that is returned ends it. */
  listen(listener: (revision: number) => void): () => void;
}
