import type { JsonObject, JsonValue } from '../json-value.js';

const NUL = String.fromCharCode(0);

// What a key may not hold, where servers and the driver read it as something else: a dot is a path, a dollar at the
// start an operator, a NUL the end of the key; and the mark of the escape itself.
const UNSAFE_KEY = new RegExp(`^\\$|[.%${NUL}]|^_bsontype$`);
const UNSAFE_CHARACTER = new RegExp(`^[$_]|[.%${NUL}]`, 'g');

/**
 * Rewrites keys that MongoDB or its driver would not keep: `a.b` is stored as `a%2Eb`, `$where` as `%24where`. Any other
 * key, and every value, is stored as it is, so that the database can be read and queried.
 */
export function escapeKeys(value: JsonObject): JsonObject {
  return mapKeys(value, escapeKey);
}

/** Rewrites one key. */
export function escapeKey(key: string): string {
  return UNSAFE_KEY.test(key) ? key.replace(UNSAFE_CHARACTER, percent) : key;
}

/** The reverse of `escapeKeys`. */
export function unescapeKeys(value: JsonObject): JsonObject {
  return mapKeys(value, (key) => (key.includes('%') ? decodeURIComponent(key) : key));
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

function mapKeys(value: JsonObject, map: (key: string) => string): JsonObject {
  // fromEntries defines keys, where an assignment to `__proto__` would not.
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [map(key), mapItem(item, map)]));
}

function mapItem(item: JsonValue, map: (key: string) => string): JsonValue {
  if (Array.isArray(item)) return item.map((element: JsonValue) => mapItem(element, map));
  if (typeof item === 'object' && item !== null) return mapKeys(item as JsonObject, map);
  return item;
}
