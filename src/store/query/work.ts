import type { Condition } from './condition.js';
import { QUERY_WORK_BYTES_MAX } from './query.js';

/** Counts what a query has looked at, so that it ends while it is still cheap. */
export interface Work {
  /** Counts a value of that many bytes. */
  add(bytes: number): void;
  isDone(): boolean;
}

export function createWork(condition: Condition): Work {
  const comparisons = Math.max(1, countLeaves(condition));
  let left = QUERY_WORK_BYTES_MAX;
  return {
    add: (bytes) => {
      left -= bytes * comparisons;
    },
    isDone: () => left <= 0,
  };
}

/** The number of comparisons of a condition. */
export function countLeaves(condition: Condition): number {
  switch (condition.kind) {
    case 'and':
    case 'or':
      return condition.conditions.reduce((sum, part) => sum + countLeaves(part), 0);
    case 'not':
      return countLeaves(condition.condition);
    default:
      return 1;
  }
}
