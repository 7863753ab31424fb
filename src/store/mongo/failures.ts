import { MongoBulkWriteError, MongoInvalidArgumentError, MongoServerError, MongoWriteConcernError } from 'mongodb';

const DUPLICATE_KEY = 11000;

// Answers of a server that refused a write before it did anything, and will again: bad value, failed to parse,
// unauthorized, authentication failed, invalid name, failed validation, document too large, disk full.
const REFUSALS = new Set([2, 9, 13, 18, 73, 121, 10334, 14031]);

/** Whether something stands under that key already. */
export function isDuplicateKey(err: unknown): boolean {
  return err instanceof MongoServerError && err.code === DUPLICATE_KEY && !(err instanceof MongoBulkWriteError);
}

/** For writes that have nothing left to do if the key is there. */
export function ignoreDuplicateKey(err: unknown): undefined {
  if (!isDuplicateKey(err)) throw err;
}

/** Whether a bulk write failed for nothing but keys that were there already. */
export function isBulkOfDuplicates(err: unknown): boolean {
  if (!(err instanceof MongoBulkWriteError) || err.result.getWriteConcernError()) return false;
  return err.result.getWriteErrors().every(({ code }) => code === DUPLICATE_KEY);
}

/** Whether it is certain that a write was not done and never will be. Any other failure leaves it open. */
export function isRefusal(err: unknown): boolean {
  if (err instanceof MongoInvalidArgumentError) return true;
  if (!(err instanceof MongoServerError) || err instanceof MongoWriteConcernError) return false;
  return typeof err.code === 'number' && REFUSALS.has(err.code);
}
