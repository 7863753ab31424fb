import { AssertionError } from 'chai';

/** What a promise rejects with; fails if it does not. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (err) {
    return err;
  }
  throw new AssertionError('expected the promise to reject, and it did not');
}
