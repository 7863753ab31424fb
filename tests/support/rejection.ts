import { AssertionError } from 'chai';

type ErrorClass<E> = abstract new (...args: never[]) => E;

/** What a promise rejects with; fails if it does not, or with something that is not of the class. */
export async function rejection(promise: Promise<unknown>): Promise<unknown>;
export async function rejection<E extends Error>(promise: Promise<unknown>, errorClass: ErrorClass<E>): Promise<E>;
export async function rejection(promise: Promise<unknown>, errorClass?: ErrorClass<Error>): Promise<unknown> {
  try {
    await promise;
  } catch (err) {
    if (errorClass === undefined || err instanceof errorClass) return err;
    throw err;
  }
  throw new AssertionError('expected the promise to reject, and it did not');
}
