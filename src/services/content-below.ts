import { ContentError } from '../repositories/documents/errors.js';

/** Lets violations of a content name the field of the request that holds it. */
export async function contentBelow<T>(field: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (err) {
    throw err instanceof ContentError ? err.below(field) : err;
  }
}
