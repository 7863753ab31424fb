import type { JsonObject, JsonValue } from '../../store/json-value.js';
import { isObject, ownValue } from '../../store/query/field-value.js';
import { compareScalars, RANKS, sortKeyOf } from '../../store/query/order.js';
import { parseFieldPath } from '../field-mask.js';
import { ContentError, SnapshotError } from './errors.js';
import { canonicalJson } from './index-keys.js';

/** Groups of one answer. */
export const GROUPS_MAX = 10_000;

export type AggregateFunction = 'count' | 'sum' | 'average' | 'min' | 'max';

export interface Aggregation {
  readonly alias: string;
  readonly kind: AggregateFunction;
  /** A path below `fields`; empty for a count. */
  readonly field: string;
}

export interface AggregateGroup {
  /** `undefined` for documents that lack the field, and without one. */
  readonly key: JsonValue | undefined;
  readonly results: readonly { readonly alias: string; readonly value: JsonValue }[];
}

/** Takes contents one after another. */
export interface Aggregator {
  /** What it needs of a content, which is little. */
  project(fields: JsonObject): JsonObject;
  /** Takes what `project` left of a content. Throws SnapshotError `too-large` for one group too many. */
  add(projected: JsonObject): void;
  groups(): readonly AggregateGroup[];
}

/** Computes over groups by one field; over one group without it. Throws ContentError for paths that cannot be. */
export function createAggregator(aggregations: readonly Aggregation[], groupBy: string): Aggregator {
  const groupKeys = groupBy === '' ? undefined : readPath('group_by', groupBy);
  const readers = aggregations.map(({ kind, field }, index) =>
    kind === 'count' ? undefined : readPath(`aggregations[${index}].field`, field),
  );
  const groups = new Map<string, { readonly key: JsonValue | undefined; readonly parts: readonly Accumulator[] }>();
  const groupOf = (key: JsonValue | undefined) => {
    const name = key === undefined ? '' : canonicalJson(key);
    const known = groups.get(name);
    if (known !== undefined) return known;
    if (groups.size === GROUPS_MAX) throw new SnapshotError('too-large', `More than ${GROUPS_MAX} groups are found`);
    const made = { key, parts: aggregations.map(({ kind }) => createAccumulator(kind)) };
    groups.set(name, made);
    return made;
  };
  if (groupKeys === undefined) groupOf(undefined);
  return {
    // By numbers, because paths of fields may lie inside each other.
    project: (fields) => {
      const values = [groupKeys, ...readers].map(
        (keys, index) => [String(index), keys && valueAt(fields, keys)] as const,
      );
      return Object.fromEntries(values.filter((entry): entry is [string, JsonValue] => entry[1] !== undefined));
    },
    add: (projected) => {
      const { parts } = groupOf(ownValue(projected, '0'));
      for (const [index, part] of parts.entries()) part.add(ownValue(projected, String(index + 1)));
    },
    groups: () =>
      [...groups.values()]
        .toSorted((a, b) => compareGroups(a.key, b.key))
        .map(({ key, parts }) => ({
          key,
          results: aggregations.map(({ alias }, index) => ({ alias, value: parts[index]?.value() ?? null })),
        })),
  };
}

interface Accumulator {
  add(value: JsonValue | undefined): void;
  value(): JsonValue;
}

function createAccumulator(kind: AggregateFunction): Accumulator {
  switch (kind) {
    case 'count': {
      let count = 0;
      return { add: () => void (count += 1), value: () => count };
    }
    case 'sum':
    case 'average':
      return createSum(kind);
    case 'min':
      return createExtreme((compared) => compared < 0);
    case 'max':
      return createExtreme((compared) => compared > 0);
  }
}

function createSum(kind: 'sum' | 'average'): Accumulator {
  let sum = 0;
  // What additions have rounded off (Neumaier), so that the order of the documents hardly matters.
  let lost = 0;
  let count = 0;
  return {
    add: (value) => {
      if (typeof value !== 'number') return;
      const next = sum + value;
      lost += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum;
      sum = next;
      count += 1;
    },
    value: () => {
      const total = Number.isFinite(sum) ? sum + lost : sum;
      if (kind === 'average' && count === 0) return null;
      const result = kind === 'sum' ? total : total / count;
      return Number.isFinite(result) ? result : String(result);
    },
  };
}

function createExtreme(isBeyond: (compared: number) => boolean): Accumulator {
  let extreme: JsonValue = null;
  return {
    add: (value) => {
      const rank = sortKeyOf(value).rank;
      if (value === undefined || rank <= RANKS.null || rank >= RANKS.list) return;
      if (extreme === null || isBeyond(compareValues(value, extreme))) extreme = value;
    },
    value: () => extreme,
  };
}

function compareValues(a: JsonValue | undefined, b: JsonValue | undefined): number {
  const left = sortKeyOf(a);
  const right = sortKeyOf(b);
  return left.rank - right.rank || compareScalars(left.scalar, right.scalar);
}

function compareGroups(a: JsonValue | undefined, b: JsonValue | undefined): number {
  const compared = compareValues(a, b);
  if (compared !== 0 || a === undefined || b === undefined) return compared;
  return compareScalars(canonicalJson(a), canonicalJson(b));
}

function readPath(field: string, path: string): readonly string[] {
  let keys: readonly string[] = [];
  try {
    keys = parseFieldPath(path);
  } catch {
    throw new ContentError([{ path: field, problem: `"${path}" is not a field path` }]);
  }
  if (keys[0] !== 'fields' || keys.length < 2)
    throw new ContentError([{ path: field, problem: `"${path}" is not a path below fields, such as fields.total` }]);
  return keys.slice(1);
}

function valueAt(fields: JsonObject, keys: readonly string[]): JsonValue | undefined {
  let value: JsonValue | undefined = fields;
  for (const key of keys) {
    if (!isObject(value)) return undefined;
    value = ownValue(value, key);
  }
  return value;
}
