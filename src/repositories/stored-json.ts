import type { JsonValue } from '../store/json-value.js';
import { readTimestampText } from './filter/literals.js';
import type { FieldType } from './filter/schema.js';

/** A message holds something that cannot be stored so that it comes back and compares as what it is. */
export class UnstorableValueError extends Error {
  override readonly name = 'UnstorableValueError';
  /** The path of the field in the resource. */
  readonly path: string;

  constructor(path: string, problem: string) {
    super(problem);
    this.path = path;
  }
}

const NANO_DIGITS = 9;

/**
 * Turns the JSON of a message into what is stored, which compares as it should: moments as texts of one length, durations
 * and 64-bit numbers as numbers. Throws UnstorableValueError for a number that a double cannot hold.
 */
export function toStoredJson(type: FieldType, value: JsonValue, path: string): JsonValue {
  switch (type.kind) {
    case 'timestamp':
      return readTimestampText(textOf(value)) ?? fail(path, 'must be a time of years 1 to 9999');
    case 'duration':
      return toSeconds(textOf(value), path);
    case 'number':
      return toNumber(value, path);
    case 'enum':
      return typeof value === 'string' ? value : fail(path, `must be one of ${type.values.join(', ')}`);
    default:
      return mapInside(type, value, { path, map: toStoredJson });
  }
}

/** The reverse of `toStoredJson`. */
export function fromStoredJson(type: FieldType, value: JsonValue, path = ''): JsonValue {
  if (type.kind === 'duration') return toDuration(Number(value));
  return mapInside(type, value, { path, map: fromStoredJson });
}

interface Mapping {
  readonly path: string;
  readonly map: (type: FieldType, value: JsonValue, path: string) => JsonValue;
}

function mapInside(type: FieldType, value: JsonValue, { path, map }: Mapping): JsonValue {
  if (typeof value !== 'object' || value === null) return value;
  if (type.kind === 'list' && Array.isArray(value)) {
    return value.map((item: JsonValue, index) => map(type.element, item, `${path}[${index}]`));
  }
  const typeOfKey = innerTypes(type);
  if (typeOfKey === undefined || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      const inner = typeOfKey(key);
      return [key, inner ? map(inner, item as JsonValue, path === '' ? key : `${path}.${key}`) : (item as JsonValue)];
    }),
  );
}

function innerTypes(type: FieldType): ((key: string) => FieldType | undefined) | undefined {
  if (type.kind === 'message') return (key) => type.fields.get(key);
  return type.kind === 'map' ? () => type.value : undefined;
}

// In a message's JSON these are texts; what is none is refused as the empty one.
function textOf(value: JsonValue): string {
  return typeof value === 'string' ? value : '';
}

function toNumber(value: JsonValue, path: string): number {
  const number = Number(value);
  if (!Number.isFinite(number)) return fail(path, `must be a finite number, is ${textOf(value)}`);
  // 64-bit numbers come as texts.
  if (typeof value === 'string' && !Number.isSafeInteger(number))
    return fail(path, `must lie within 2^53, which is what a double holds, is ${value}`);
  return number;
}

function toSeconds(text: string, path: string): number {
  const seconds = Number(text.slice(0, -1));
  const [whole = '', fraction = ''] = text.slice(0, -1).split('.');
  const exact = `${whole}.${fraction.padEnd(NANO_DIGITS, '0')}s`;
  const stored = `${seconds.toFixed(NANO_DIGITS)}s`;
  // Minus zero is zero.
  if (stored !== exact && Number(exact.slice(0, -1)) !== 0)
    return fail(path, `must be a duration that a double holds in seconds, is ${text}`);
  return seconds === 0 ? 0 : seconds;
}

function toDuration(seconds: number): string {
  return `${seconds.toFixed(NANO_DIGITS)}s`;
}

function fail(path: string, problem: string): never {
  throw new UnstorableValueError(path, problem);
}
