import type { Timestamp } from '../../gen/google/protobuf/timestamp.js';

const MS_PER_SECOND = 1000;
const NANOS_PER_MS = 1_000_000;

/** Turns milliseconds since 1970 into a google.protobuf.Timestamp. */
export function toTimestamp(ms: number): Timestamp {
  const seconds = Math.floor(ms / MS_PER_SECOND);
  return { seconds: BigInt(seconds), nanos: (ms - seconds * MS_PER_SECOND) * NANOS_PER_MS };
}
