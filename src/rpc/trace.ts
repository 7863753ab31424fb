import type { CallMetadata } from './metadata.js';
import { randomHex } from './random-hex.js';

/** The metadata key, and HTTP header, of W3C trace context (https://www.w3.org/TR/trace-context/). */
export const TRACEPARENT_KEY = 'traceparent';

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:$|-)/;

const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;

/** The place of a call in a trace. */
export interface Trace {
  readonly traceId: string;
  /** Names this call among the calls of the trace. */
  readonly spanId: string;
  /** As hexadecimal digits: `01` for a trace that is recorded. */
  readonly flags: string;
}

/** Reads the place in a trace of whoever made the call. Undefined where it names none that is well-formed. */
export function parentOf(metadata: CallMetadata): (Trace & { readonly state: string | undefined }) | undefined {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(metadata.get(TRACEPARENT_KEY) ?? '') ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  return { traceId, spanId, flags, state: metadata.get('tracestate') };
}

/** Continues the trace of a call, with a span of its own, or begins one where the call has none that is well-formed. */
export function traceOf(metadata: CallMetadata): Trace {
  const traceparent = metadata.get(TRACEPARENT_KEY);
  const given = traceparent === undefined ? undefined : TRACEPARENT.exec(traceparent);
  return {
    traceId: given?.[1] ?? randomHex(TRACE_ID_BYTES),
    spanId: randomHex(SPAN_ID_BYTES),
    flags: given?.[3] ?? '00',
  };
}

/** Writes the header that makes another call a child of this one. */
export function toTraceparent({ traceId, spanId, flags }: Trace): string {
  return `00-${traceId}-${spanId}-${flags}`;
}
