import { FIELDS_DEPTH_MAX, sizeProblem } from '../../repositories/documents/content.js';
import { invalidRequest, type FieldViolation } from '../../rpc/errors.js';
import type { JsonObject, JsonValue } from '../../store/json-value.js';

const PLAIN_KEY = /^[A-Za-z0-9_]+$/;

/**
 * Checks that the content of a document can be stored as it is: no NaN or infinity, which JSON cannot tell, no value
 * without a kind, and within the limits. `json` is the same as JSON, if the caller has it. Throws INVALID_REQUEST with the
 * path of what is wrong.
 */
export function readFields(
  field: string,
  value: Readonly<Record<string, unknown>> | undefined,
  json?: string,
): JsonObject {
  if (value === undefined) return {};
  const violation = findViolation(field, value, 1);
  if (violation !== undefined) throw invalidRequest([violation]);
  // findViolation has seen every value in it.
  const fields = value as JsonObject;
  const description = sizeProblem(fields, json ?? JSON.stringify(fields));
  if (description !== undefined) throw invalidRequest([{ field, description }]);
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
