import type { CallMetadata } from './metadata.js';
import { REQUEST_ID_KEY } from './request-id.js';
import { TRACEPARENT_KEY } from './trace.js';

/** Carries the token up to which a caller wants to have seen all changes. */
export const CONSISTENCY_KEY = 'x-consistency-token';

const CARRIED_ON = ['tracestate', CONSISTENCY_KEY] as const;

/** Gives the metadata that a call made for another one carries on from it. */
export function propagate(
  metadata: CallMetadata,
  { requestId, traceparent }: { requestId: string; traceparent: string },
): Map<string, string> {
  const carried = new Map([
    [REQUEST_ID_KEY, requestId],
    [TRACEPARENT_KEY, traceparent],
  ]);
  for (const key of CARRIED_ON) {
    const value = metadata.get(key);
    if (value !== undefined) carried.set(key, value);
  }
  return carried;
}
