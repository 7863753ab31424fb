import type { JsonObject, JsonValue } from '../../store/json-value.js';
import { ContentError } from './errors.js';

const KIB = 1024;
const MIB = 1024 * KIB;

/** The most that the content of a document may take as JSON. */
export const FIELDS_BYTES_MAX = MIB;

/**
 * The most that it may take as a `google.protobuf.Struct`, in which small numbers take five times the room: with the name
 * and the times around it, it fits into a message of 4 MiB, which is what clients of all languages take unless told otherwise.
 */
export const FIELDS_MESSAGE_BYTES_MAX = 4 * MIB - 64 * KIB;

/** The deepest nesting of objects and lists; Protobuf decoders stop at a hundred messages, which is a little more. */
export const FIELDS_DEPTH_MAX = 30;

// The most that a byte of JSON becomes in a message: `1,` is 11 bytes there.
const GROWTH_MAX = 6;

/** Refuses content that is too large or too deep, as a change of a part can make it. */
export function assertContent(fields: JsonObject): void {
  const problem = sizeProblem(fields, JSON.stringify(fields));
  if (problem !== undefined) throw new ContentError([{ path: 'fields', problem }]);
  if (!isWithin(fields, FIELDS_DEPTH_MAX))
    throw new ContentError([{ path: 'fields', problem: `must be at most ${FIELDS_DEPTH_MAX} levels deep` }]);
}

/** Says what is wrong with the size of content, which is also given as JSON; `undefined` if nothing is. */
export function sizeProblem(fields: JsonObject, json: string): string | undefined {
  const bytes = Buffer.byteLength(json);
  if (bytes > FIELDS_BYTES_MAX) return `must be at most ${FIELDS_BYTES_MAX} bytes as JSON, is ${bytes}`;
  if (bytes * GROWTH_MAX <= FIELDS_MESSAGE_BYTES_MAX) return undefined;
  const messageBytes = structBytes(fields);
  if (messageBytes <= FIELDS_MESSAGE_BYTES_MAX) return undefined;
  return `must be at most ${FIELDS_MESSAGE_BYTES_MAX} bytes as a google.protobuf.Struct, is ${messageBytes}`;
}

function isWithin(value: JsonValue, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (levels === 0) return false;
  return Object.values(value).every((child: JsonValue) => isWithin(child, levels - 1));
}

const TAG_BYTES = 1;
const DOUBLE_BYTES = 8;
const SEVEN_BITS = 128;

/** The bytes of `google.protobuf.Struct`: of each entry its key and its value, with their tags and lengths. */
export function structBytes(fields: JsonObject): number {
  return Object.entries(fields).reduce(
    (sum, [key, value]) => sum + delimited(delimited(Buffer.byteLength(key)) + delimited(valueBytes(value))),
    0,
  );
}

function valueBytes(value: JsonValue): number {
  if (typeof value === 'string') return delimited(Buffer.byteLength(value));
  if (typeof value === 'number') return TAG_BYTES + DOUBLE_BYTES;
  if (typeof value === 'boolean' || value === null) return TAG_BYTES + 1;
  if (!Array.isArray(value)) return delimited(structBytes(value as JsonObject));
  return delimited((value as readonly JsonValue[]).reduce<number>((sum, item) => sum + delimited(valueBytes(item)), 0));
}

/** So many bytes with their tag and their length before them. */
function delimited(bytes: number): number {
  let lengthBytes = 1;
  for (let rest = bytes; rest >= SEVEN_BITS; rest = Math.floor(rest / SEVEN_BITS)) lengthBytes += 1;
  return TAG_BYTES + lengthBytes + bytes;
}
