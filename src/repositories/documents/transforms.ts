import type { JsonObject, JsonValue } from '../../store/json-value.js';
import { isList, isObject, ownValue } from '../../store/query/field-value.js';
import { applyFieldMask, parseFieldPath } from '../field-mask.js';
import { ContentError } from './errors.js';
import { canonicalJson } from './index-keys.js';

/** A change of one field by what it holds. */
export type FieldTransform = { readonly field: string } & (
  | { readonly kind: 'increment' | 'minimum' | 'maximum'; readonly value: number }
  | { readonly kind: 'appendMissing' | 'removeAll'; readonly values: readonly JsonValue[] }
  | { readonly kind: 'serverTime' }
);

/** Applies transforms to `{ fields }`, in their order. Throws FieldMaskError for a field that cannot be, and ContentError. */
export function applyTransforms(root: JsonObject, transforms: readonly FieldTransform[], nowMs: number): JsonObject {
  return transforms.reduce((target, transform) => {
    const keys = parseFieldPath(transform.field);
    if (keys[0] !== 'fields' || keys.length < 2)
      throw new ContentError([
        { path: transform.field, problem: 'cannot be transformed: expected a path below fields' },
      ]);
    const found = keys.reduce<JsonValue | undefined>(
      (value, key) => (value === undefined ? undefined : ownValue(value, key)),
      target,
    );
    return applyFieldMask(target, nest(keys, transformed(found, transform, nowMs)), [transform.field]);
  }, root);
}

function transformed(found: JsonValue | undefined, transform: FieldTransform, nowMs: number): JsonValue {
  const number = typeof found === 'number' ? found : undefined;
  switch (transform.kind) {
    case 'increment': {
      const sum = (number ?? 0) + transform.value;
      if (Number.isFinite(sum)) return sum;
      throw new ContentError([{ path: transform.field, problem: `would become ${sum}, which is no JSON number` }]);
    }
    case 'minimum':
      return Math.min(number ?? transform.value, transform.value);
    case 'maximum':
      return Math.max(number ?? transform.value, transform.value);
    case 'appendMissing':
      return appendMissing(isList(found) ? found : [], transform.values);
    case 'removeAll': {
      const removed = new Set(transform.values.map(canonicalJson));
      return (isList(found) ? found : []).filter((item) => !removed.has(canonicalJson(item)));
    }
    case 'serverTime':
      return new Date(nowMs).toISOString();
  }
}

function appendMissing(list: readonly JsonValue[], values: readonly JsonValue[]): JsonValue {
  const seen = new Set(list.map(canonicalJson));
  const added = values.filter((value) => {
    const key = canonicalJson(value);
    return !seen.has(key) && seen.add(key);
  });
  return [...list, ...added];
}

function nest(keys: readonly string[], value: JsonValue): JsonObject {
  const nested = keys.toReversed().reduce<JsonValue>((inner, key) => Object.fromEntries([[key, inner]]), value);
  return isObject(nested) ? nested : {};
}
