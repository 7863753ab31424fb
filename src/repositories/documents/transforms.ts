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
  const lists = new ListKeys();
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
    return applyFieldMask(target, nest(keys, transformed(found, transform, { lists, nowMs })), [transform.field]);
  }, root);
}

interface Surroundings {
  readonly lists: ListKeys;
  readonly nowMs: number;
}

function transformed(
  found: JsonValue | undefined,
  transform: FieldTransform,
  { lists, nowMs }: Surroundings,
): JsonValue {
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
      return lists.appendMissing(isList(found) ? found : [], transform.values);
    case 'removeAll':
      return lists.removeAll(isList(found) ? found : [], transform.values);
    case 'serverTime':
      return new Date(nowMs).toISOString();
  }
}

interface Keys {
  /** The canonical JSON of each element. */
  readonly inOrder: readonly string[];
  readonly all: Set<string>;
}

/**
 * Changes lists by what their elements are, and remembers that of the lists it has made: a short call may change a long list many
 * times, and must not take as many times as long.
 */
class ListKeys {
  readonly #known = new WeakMap<readonly JsonValue[], Keys>();

  appendMissing(list: readonly JsonValue[], values: readonly JsonValue[]): readonly JsonValue[] {
    const { inOrder, all } = this.#keysOf(list);
    const keys = values.map(canonicalJson);
    const isMissing = keys.map((key) => !all.has(key) && all.add(key) !== undefined);
    const added = values.filter((_, index) => isMissing[index]);
    const after = [...list, ...added];
    this.#known.set(after, { inOrder: [...inOrder, ...keys.filter((_, index) => isMissing[index])], all });
    return after;
  }

  removeAll(list: readonly JsonValue[], values: readonly JsonValue[]): readonly JsonValue[] {
    const { inOrder, all } = this.#keysOf(list);
    const removed = new Set(values.map(canonicalJson));
    for (const key of removed) all.delete(key);
    const stays = inOrder.map((key) => !removed.has(key));
    const after = list.filter((_, index) => stays[index]);
    this.#known.set(after, { inOrder: inOrder.filter((_, index) => stays[index]), all });
    return after;
  }

  /** Of a list that is about to be replaced, so that they are changed in place. */
  #keysOf(list: readonly JsonValue[]): Keys {
    const known = this.#known.get(list);
    if (known !== undefined) return known;
    const inOrder = list.map(canonicalJson);
    return { inOrder, all: new Set(inOrder) };
  }
}

function nest(keys: readonly string[], value: JsonValue): JsonObject {
  const nested = keys.toReversed().reduce<JsonValue>((inner, key) => Object.fromEntries([[key, inner]]), value);
  return isObject(nested) ? nested : {};
}
