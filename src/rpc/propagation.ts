import type { CallMetadata } from './metadata.js';
import { REQUEST_ID_KEY } from './request-id.js';
import { TRACEPARENT_KEY } from './trace.js';

const TRACESTATE_KEY = 'tracestate';

interface Carried {
  readonly requestId: string;
  readonly traceparent: string;
  readonly consistency: Iterable<readonly [key: string, value: string]>;
}

/** Gives the metadata that a call made for another one carries on from it. */
export function propagate(
  metadata: CallMetadata,
  { requestId, traceparent, consistency }: Carried,
): Map<string, string> {
  const carried = new Map([[REQUEST_ID_KEY, requestId], [TRACEPARENT_KEY, traceparent], ...consistency]);
  const tracestate = metadata.get(TRACESTATE_KEY);
  if (tracestate !== undefined) carried.set(TRACESTATE_KEY, tracestate);
  return carried;
}
