import { performance } from 'node:perf_hooks';
import { createElapsedClock } from '../store/elapsed-clock.js';

/** The time of day, and two ways to tell how much of it has passed, which err on opposite sides. */
export interface LedgerClock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds since some moment. Never more than have passed: it may stand still while the machine sleeps. */
  atLeast(): number;
  /** Milliseconds since some moment. Never fewer than have passed: setting the time of day forward counts. */
  atMost(): number;
}

export function createSystemClock(): LedgerClock {
  return { now: () => Date.now(), atLeast: () => performance.now(), atMost: createElapsedClock() };
}

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
