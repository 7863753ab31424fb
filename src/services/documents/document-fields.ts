import { invalidRequest, type FieldViolation } from '../../rpc/errors.js';
import type { JsonObject, JsonValue } from '../../store/json-value.js';

const KIB = 1024;
const MIB = 1024 * KIB;

/** The most that the content of a document may take as JSON. */
export const FIELDS_BYTES_MAX = MIB;

/** The deepest nesting of objects and lists; Protobuf decoders stop at a hundred messages, which is a little more. */
export const FIELDS_DEPTH_MAX = 30;

const PLAIN_KEY = /^[A-Za-z0-9_]+$/;

/**
 * Checks that the content of a document can be stored as it is: no NaN or infinity, which JSON cannot tell, no value
 * without a kind, and within the limits. Throws INVALID_REQUEST with the path of what is wrong.
 */
export function readFields(field: string, value: Readonly<Record<string, unknown>> | undefined): JsonObject {
  if (value === undefined) return {};
  const violation = findViolation(field, value, 1);
  if (violation !== undefined) throw invalidRequest([violation]);
  // findViolation has seen every value in it.
  const fields = value as JsonObject;
  const bytes = Buffer.byteLength(JSON.stringify(fields));
  if (bytes > FIELDS_BYTES_MAX) {
    throw invalidRequest([{ field, description: `must be at most ${FIELDS_BYTES_MAX} bytes as JSON, is ${bytes}` }]);
  }
  return fields;
}

function findViolation(path: string, value: unknown, depth: number): FieldViolation | undefined {
  if (depth > FIELDS_DEPTH_MAX + 1)
    return { field: path, description: `must be at most ${FIELDS_DEPTH_MAX} levels deep` };
  switch (typeof value) {
    case 'string':
      // It has no form in UTF-8, and so in no message.
      return value.isWellFormed() ? undefined : { field: path, description: 'must not hold half a surrogate pair' };
    case 'boolean':
      return undefined;
    case 'number':
      return Number.isFinite(value) ? undefined : { field: path, description: `must be a finite number, is ${value}` };
    case 'object':
      return value === null ? undefined : findInChildren(path, value, depth);
    default:
      return { field: path, description: 'must have a value' };
  }
}

function findInChildren(path: string, value: object, depth: number): FieldViolation | undefined {
  if (depth > FIELDS_DEPTH_MAX) return { field: path, description: `must be at most ${FIELDS_DEPTH_MAX} levels deep` };
  for (const [key, child] of Object.entries(value) as [string, JsonValue | undefined][]) {
    const childPath = Array.isArray(value) ? `${path}[${key}]` : `${path}.${PLAIN_KEY.test(key) ? key : `\`${key}\``}`;
    if (!key.isWellFormed()) return { field: path, description: 'must not have a key with half a surrogate pair' };
    const violation = findViolation(childPath, child, depth + 1);
    if (violation !== undefined) return violation;
  }
  return undefined;
}
