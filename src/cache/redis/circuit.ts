/** So many failures in a row open the circuit. */
const FAILURES_MAX = 5;
/** An open circuit lets one call through after this time, to see whether things are better. */
const OPEN_MS = 1_000;

/** Keeps calls away from something that has stopped answering. */
export interface Circuit {
  /** Whether a call may be made now. */
  allows(): boolean;
  /** Whether calls are kept away, but for one now and then. */
  isOpen(): boolean;
  succeeded(): void;
  failed(): void;
}

export function createCircuit(now: () => number = () => performance.now()): Circuit {
  let failures = 0;
  let closedAgainAt = 0;
  const isOpen = () => failures >= FAILURES_MAX;
  return {
    isOpen,
    allows() {
      if (!isOpen()) return true;
      if (now() < closedAgainAt) return false;
      // This call is the probe; the next ones wait for what comes of it.
      closedAgainAt = now() + OPEN_MS;
      return true;
    },
    succeeded() {
      failures = 0;
    },
    failed() {
      failures += 1;
      if (isOpen()) closedAgainAt = now() + OPEN_MS;
    },
  };
}
