import { MongoBulkWriteError, MongoInvalidArgumentError, MongoServerError, MongoWriteConcernError } from 'mongodb';

const DUPLICATE_KEY = 11000;

// Answers of a server that refused a write before it did anything, and will again: bad value, failed to parse,
// unauthorized, authentication failed, invalid name, failed validation, document too large, disk full.
const REFUSALS = new Set([2, 9, 13, 18, 73, 121, 10334, 14031]);

// Answers of a server that is stopping, starting, electing a primary or out of time; it may answer otherwise soon.
const PASSING = new Set([6, 7, 50, 89, 91, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436]);

/** Whether a failure says nothing of what the server can do: no answer, or one that passes. */
export function isPassing(err: unknown): boolean {
  return !(err instanceof MongoServerError) || (typeof err.code === 'number' && PASSING.has(err.code));
}

/** Whether something stands under that key already. */
export function isDuplicateKey(err: unknown): boolean {
  return err instanceof MongoServerError && err.code === DUPLICATE_KEY && !(err instanceof MongoBulkWriteError);
}

/** For writes that have nothing left to do if the key is there. */
export function ignoreDuplicateKey(err: unknown): undefined {
  if (!isDuplicateKey(err)) throw err;
}

/**
 * Tells which inserts of an unordered bulk write were done that failed for nothing but keys that were there already; any
 * other failure is thrown again. `isInsert` says which operations are inserts.
 */
export function insertsOfBulk(err: unknown, isInsert: readonly boolean[]): (index: number) => boolean {
  if (!(err instanceof MongoBulkWriteError) || err.result.getWriteConcernError()) throw err;
  const failures = err.result.getWriteErrors();
  if (failures.some(({ code }) => code !== DUPLICATE_KEY)) throw err;
  const failed = new Set(failures.map(({ index }) => index));
  const isDone = (index: number) => isInsert[index] === true && !failed.has(index);
  const done = isInsert.filter((_, index) => isDone(index)).length;
  // Some servers stop at the first duplicate, and then what is behind it was not done.
  return done === err.insertedCount ? isDone : (index) => isDone(index) && index < Math.min(...failed);
}

/** Whether it is certain that a write was not done and never will be. Any other failure leaves it open. */
export function isRefusal(err: unknown): boolean {
  if (err instanceof MongoInvalidArgumentError) return true;
  if (!(err instanceof MongoServerError) || err instanceof MongoWriteConcernError) return false;
  return typeof err.code === 'number' && REFUSALS.has(err.code);
}
