import { InvalidLedgerInputError } from './errors.js';

/** Refuses what no revision can be: a fraction, a negative number, one that a number cannot hold exactly. */
export function checkRevision(revision: number): void {
  if (Number.isSafeInteger(revision) && revision >= 0) return;
  throw new InvalidLedgerInputError(`Cannot use revision ${revision}: expected a whole number from 0 on`);
}
