import type { JsonObject, JsonValue } from '../json-value.js';
import type { StateDocument } from '../state.js';
import type { Field } from './condition.js';

/** What a field holds, `undefined` where nothing is. Keys lead through objects only, never through lists. */
export function valueOfField(document: StateDocument, field: Field): JsonValue | undefined {
  return field.kind === 'value' ? valueAt(document.value, field.keys) : document[field.kind];
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** The value under an own key of an object; `undefined` for anything else. */
export function ownValue(value: JsonValue, key: string): JsonValue | undefined {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/** What an id has before its last part, with the slash: `a/b/` of `a/b/c`, nothing of `c`. */
export function parentOf(id: string): string {
  return id.slice(0, id.lastIndexOf('/') + 1);
}

/** Whether two fields are the same. */
export function isSameField(a: Field, b: Field): boolean {
  if (a.kind !== 'value' || b.kind !== 'value') return a.kind === b.kind;
  const { keys } = b;
  return a.keys.length === keys.length && a.keys.every((key, index) => key === keys[index]);
}

function valueAt(root: JsonValue, keys: readonly string[]): JsonValue | undefined {
  let value: JsonValue | undefined = root;
  for (const key of keys) {
    if (value === undefined) return undefined;
    value = ownValue(value, key);
  }
  return value;
}
