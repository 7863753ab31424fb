import type { JsonObject, JsonValue } from '../store/json-value.js';
import { CommitTooLargeError, InvalidLedgerInputError } from './errors.js';
import { VALUE_DEPTH_MAX } from './limits.js';

/**
 * Copies a value so that its owner can no longer change it, and refuses what is not JSON: numbers that are not finite,
 * `undefined`, class instances, and strings with half a surrogate pair, which have no UTF-8 form. Minus zero becomes zero.
 */
export function copyJsonObject(value: unknown): JsonObject {
  if (!isPlainObject(value)) throw invalid(value);
  return copyObject(value, 1);
}

function copyValue(value: unknown, depth: number): JsonValue {
  switch (typeof value) {
    case 'boolean':
      return value;
    case 'string':
      return copyString(value);
    case 'number':
      return copyNumber(value);
    default:
      return copyContainer(value, depth + 1);
  }
}

function copyContainer(value: unknown, depth: number): JsonValue {
  if (value === null) return null;
  if (Array.isArray(value)) return checkDepth(depth) && Array.from(value, (item: unknown) => copyValue(item, depth));
  if (isPlainObject(value)) return copyObject(value, depth);
  throw invalid(value);
}

function copyObject(value: object, depth: number): JsonObject {
  checkDepth(depth);
  const copy: Record<string, JsonValue> = {};
  for (const [key, item] of Object.entries(value)) {
    // A plain assignment to this key would set the prototype.
    if (key === '__proto__') Object.defineProperty(copy, key, { ...OWN, value: copyValue(item, depth) });
    else copy[copyString(key)] = copyValue(item, depth);
  }
  return copy;
}

const OWN = { configurable: true, enumerable: true, writable: true };

function copyString(value: string): string {
  if (!value.isWellFormed()) throw new InvalidLedgerInputError('Cannot commit: a string holds half a surrogate pair');
  return value;
}

function copyNumber(value: number): number {
  if (!Number.isFinite(value)) throw invalid(value);
  return value === 0 ? 0 : value;
}

function checkDepth(depth: number): true {
  if (depth > VALUE_DEPTH_MAX) throw new CommitTooLargeError('the depth of a value', VALUE_DEPTH_MAX, depth);
  return true;
}

function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function invalid(value: unknown): InvalidLedgerInputError {
  const found = typeof value === 'object' && value !== null ? value.constructor.name : String(value);
  return new InvalidLedgerInputError(`Cannot commit: a value holds ${found}, which is not JSON`);
}
