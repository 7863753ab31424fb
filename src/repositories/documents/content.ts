import type { JsonObject, JsonValue } from '../../store/json-value.js';
import { ContentError } from './errors.js';

const KIB = 1024;
const MIB = 1024 * KIB;

/** The most that the content of a document may take as JSON. */
export const FIELDS_BYTES_MAX = MIB;

/** The deepest nesting of objects and lists; Protobuf decoders stop at a hundred messages, which is a little more. */
export const FIELDS_DEPTH_MAX = 30;

/** Refuses content that is too large or too deep, as a change of a part can make it. */
export function assertContent(fields: JsonObject): void {
  const bytes = Buffer.byteLength(JSON.stringify(fields));
  if (bytes > FIELDS_BYTES_MAX) {
    throw new ContentError([
      { path: 'fields', problem: `must be at most ${FIELDS_BYTES_MAX} bytes as JSON, is ${bytes}` },
    ]);
  }
  if (!isWithin(fields, FIELDS_DEPTH_MAX))
    throw new ContentError([{ path: 'fields', problem: `must be at most ${FIELDS_DEPTH_MAX} levels deep` }]);
}

function isWithin(value: JsonValue, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (levels === 0) return false;
  return Object.values(value).every((child: JsonValue) => isWithin(child, levels - 1));
}
