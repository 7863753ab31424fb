// What documents are, said as plainly as can be: a map, and loops over it.
import type { JsonObject, JsonValue } from '../../../src/store/json-value.js';

export interface ModelDocument {
  readonly fields: JsonObject;
  readonly etag: string;
}

export type Condition = 'any' | 'exists' | 'absent' | 'current' | 'stale';

export type Transform =
  | { readonly kind: 'increment' | 'minimum' | 'maximum'; readonly key: string; readonly value: number }
  | { readonly kind: 'appendMissing' | 'removeAll'; readonly key: string; readonly values: readonly number[] };

export interface ModelWrite {
  readonly id: string;
  readonly condition: Condition;
  /** `undefined` deletes. */
  readonly fields: JsonObject | undefined;
  /** Keys that `fields` sets; all of it is replaced without them. */
  readonly keys?: readonly string[] | undefined;
  readonly transforms: readonly Transform[];
}

/** The documents of one collection, of which no two may have the same `u`. */
export class DocumentModel {
  readonly documents = new Map<string, ModelDocument>();
  /** What a watcher from the beginning was to be told. */
  readonly told: string[] = [];

  /** Why each of some writes is refused, by their places; nothing is changed. */
  refusals(writes: readonly ModelWrite[]): Map<number, string> {
    const refusals = new Map<number, string>();
    const owners = new Map([...this.documents].map(([id, { fields }]) => [id, keyOf(fields)]));
    for (const [position, write] of writes.entries()) {
      const reason = refusalOf(write, this.documents.get(write.id));
      if (reason !== undefined) refusals.set(position, reason);
    }
    for (const [position, write] of writes.entries()) {
      if (refusals.has(position)) continue;
      const after = applied(write, this.documents.get(write.id)?.fields);
      const key = after && keyOf(after);
      const isTaken = [...owners].some(([id, other]) => id !== write.id && key !== undefined && other === key);
      if (isTaken) refusals.set(position, 'UNIQUE_CONFLICT');
      else owners.set(write.id, key);
    }
    return refusals;
  }

  /** Makes the writes that are not refused; `etags` has what each document was given. */
  apply(writes: readonly ModelWrite[], etags: ReadonlyMap<string, string>): void {
    for (const write of writes) {
      const before = this.documents.get(write.id);
      const fields = applied(write, before?.fields);
      if (fields === undefined) {
        if (before !== undefined) this.told.push(`-${write.id}`);
        this.documents.delete(write.id);
      } else {
        this.documents.set(write.id, { fields, etag: etags.get(write.id) ?? '' });
        this.told.push(`${write.id}=${stableJson(fields)}`);
      }
    }
  }

  /** Names of what meets a condition, in the order of a field and then of the names. */
  find(
    matches: (fields: JsonObject) => boolean,
    order?: { readonly key: string; readonly descending: boolean },
  ): string[] {
    const names = [...this.documents.keys()].sort().filter((id) => matches(this.fieldsOf(id)));
    if (order === undefined) return names;
    const direction = order.descending ? -1 : 1;
    return names.sort((a, b) => {
      const compared = rankOf(this.fieldsOf(a)[order.key]) - rankOf(this.fieldsOf(b)[order.key]);
      return direction * (compared === 0 ? (a < b ? -1 : 1) : compared);
    });
  }

  fieldsOf(id: string): JsonObject {
    return this.documents.get(id)?.fields ?? {};
  }
}

/** JSON that is the same for equal values. */
export function stableJson(value: JsonValue): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item: JsonValue) => stableJson(item)).join()}]`;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, item]) => `${key}:${stableJson(item as JsonValue)}`).join()}}`;
}

function refusalOf({ fields, condition }: ModelWrite, before: ModelDocument | undefined): string | undefined {
  void fields;
  if (condition === 'absent') return before === undefined ? undefined : 'RESOURCE_EXISTS';
  if (condition === 'any') return undefined;
  if (before === undefined) return 'RESOURCE_NOT_FOUND';
  return condition === 'stale' ? 'ETAG_MISMATCH' : undefined;
}

function applied({ fields, keys, transforms }: ModelWrite, before: JsonObject | undefined): JsonObject | undefined {
  if (fields === undefined) return undefined;
  const after: Record<string, JsonValue> = keys === undefined ? { ...fields } : { ...before };
  for (const key of keys ?? []) {
    const value = fields[key];
    if (value === undefined) delete after[key];
    else after[key] = value;
  }
  for (const transform of transforms) after[transform.key] = transformed(after[transform.key], transform);
  return after;
}

function transformed(found: JsonValue | undefined, transform: Transform): JsonValue {
  const number = typeof found === 'number' ? found : undefined;
  const list: readonly JsonValue[] = Array.isArray(found) ? (found as readonly JsonValue[]) : [];
  switch (transform.kind) {
    case 'increment':
      return (number ?? 0) + transform.value;
    case 'minimum':
      return number === undefined || transform.value < number ? transform.value : number;
    case 'maximum':
      return number === undefined || transform.value > number ? transform.value : number;
    case 'appendMissing': {
      const result = [...list];
      for (const value of transform.values) if (!result.includes(value)) result.push(value);
      return result;
    }
    case 'removeAll':
      return list.filter((value) => typeof value !== 'number' || !transform.values.includes(value));
  }
}

function keyOf(fields: JsonObject): string | undefined {
  const value = fields['u'];
  return value === undefined ? undefined : stableJson(value);
}

// Of the values that the tests write: missing, null, numbers, lists.
function rankOf(value: JsonValue | undefined): number {
  if (value === undefined) return -1e9;
  if (value === null) return -1e8;
  return typeof value === 'number' ? value : 1e9;
}
