import type { Timestamp } from '../../gen/google/protobuf/timestamp.js';

const MS_PER_SECOND = 1000;
const NANOS_PER_MS = 1_000_000;

/** Turns milliseconds since 1970 into a google.protobuf.Timestamp. */
export function toTimestamp(ms: number): Timestamp {
  const seconds = Math.floor(ms / MS_PER_SECOND);
  return { seconds: BigInt(seconds), nanos: (ms - seconds * MS_PER_SECOND) * NANOS_PER_MS };
}

/** Turns a google.protobuf.Timestamp into milliseconds since 1970; what is less than one is cut off. */
export function toMs({ seconds, nanos }: Timestamp): number {
  return Number(seconds) * MS_PER_SECOND + Math.floor(nanos / NANOS_PER_MS);
}
