import type { LedgerClock } from '../../src/ledger/surroundings.js';

/** A clock that a test moves. */
export interface ManualClock extends LedgerClock {
  advance(ms: number): void;
}

/** A clock that begins in 2030. */
export function createManualClock(): ManualClock {
  let ms = Date.UTC(2030);
  const now = () => ms;
  return {
    now,
    atLeast: now,
    atMost: now,
    advance: (by) => {
      ms += by;
    },
  };
}
