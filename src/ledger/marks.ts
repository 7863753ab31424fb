import type { Position } from '../store/store.js';
import type { LogObserver } from './log.js';

/** Entries whose marks are kept. */
export const MARKS_MAX = 65_536;

const MARK_BYTES = 8;

/**
 * Knows by which entries this process came to where it is: two histories that part, as when a backup is restored, have
 * other entries from there on, although the revisions are the same.
 */
export interface Marks extends LogObserver {
  /** The mark of the history up to a revision; `undefined` where no entry ends with it, or one that was too long ago. */
  at(revision: number): bigint | undefined;
}

/** Keeps the marks of the newest entries, from a position on. */
export function createMarks(start: Position, max = MARKS_MAX): Marks {
  // A ring in the order of revisions: numbers in arrays of their own, for there are many.
  const revisions = new Float64Array(max);
  const marks = new BigUint64Array(max);
  let begin = 0;
  let count = 0;
  const slotOf = (index: number) => (begin + index) % max;
  const add = (revision: number, hash: string) => {
    if (count === max) begin = (begin + 1) % max;
    else count += 1;
    const slot = slotOf(count - 1);
    revisions[slot] = revision;
    marks[slot] = BigInt(`0x${hash.slice(0, 2 * MARK_BYTES)}`);
  };
  const find = (revision: number) => {
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((revisions[slotOf(middle)] ?? 0) < revision) low = middle + 1;
      else high = middle;
    }
    return slotOf(low);
  };

  add(start.revision, start.hash);
  return {
    at: (revision) => {
      const slot = find(revision);
      return count > 0 && revisions[slot] === revision ? marks[slot] : undefined;
    },
    commits: (_commits, { last, hash }) => add(last, hash),
    reset: () => {
      count = 0;
    },
  };
}
