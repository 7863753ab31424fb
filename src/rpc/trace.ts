import { randomBytes } from 'node:crypto';
import type { CallMetadata } from './metadata.js';

/** The metadata key, and HTTP header, of W3C trace context (https://www.w3.org/TR/trace-context/). */
export const TRACEPARENT_KEY = 'traceparent';

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(?:$|-)/;

/** The place of a call in a trace. */
export interface Trace {
  readonly traceId: string;
  /** Names this call among the calls of the trace. */
  readonly spanId: string;
  /** As hexadecimal digits: `01` for a trace that is recorded. */
  readonly flags: string;
}

/** Continues the trace of a call, with a span of its own, or begins one where the call has none that is well-formed. */
export function traceOf(metadata: CallMetadata): Trace {
  const given = TRACEPARENT.exec(metadata.get(TRACEPARENT_KEY) ?? '');
  // One call for both ids: randomness costs more by the call than by the byte.
  const random = randomBytes(24).toString('hex');
  return {
    traceId: given?.[1] ?? random.slice(16),
    spanId: random.slice(0, 16),
    flags: given?.[2] ?? '00',
  };
}

/** Writes the header that makes another call a child of this one. */
export function toTraceparent({ traceId, spanId, flags }: Trace): string {
  return `00-${traceId}-${spanId}-${flags}`;
}
