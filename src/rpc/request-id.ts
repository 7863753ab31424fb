import { randomUUID } from 'node:crypto';
import type { CallMetadata } from './metadata.js';

/** The metadata key, and HTTP header, that carries the id of a call both ways. */
export const REQUEST_ID_KEY = 'x-request-id';

const ACCEPTABLE = /^[A-Za-z0-9._:-]{1,128}$/;

/** Gives the id that the caller has set, where it is fit for logs and headers, or a new one. */
export function requestIdOf(metadata: CallMetadata): string {
  return toRequestId(metadata.get(REQUEST_ID_KEY));
}

/** Takes what was given as an id where it is one, and makes a new one where not. */
export function toRequestId(given: string | undefined): string {
  return given !== undefined && ACCEPTABLE.test(given) ? given : randomUUID();
}
