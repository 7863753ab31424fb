import type { Document, Sort } from 'mongodb';
import { prefixEnd } from '../prefix-range.js';
import type { CompareLeaf, Field, OrderField } from '../query/condition.js';
import { idDescends, RANKS, type SortKey } from '../query/order.js';
import type { IndexDeclaration } from '../query/query.js';
import type { Segment } from '../query/segments.js';
import { candidateFilter, storedPath } from './query-filter.js';

// The first and last moment that a timestamp can be, and that every server takes for a date.
const DATE_MS_MIN = Date.parse('0001-01-01T00:00:00.000Z');
const DATE_MS_MAX = Date.parse('9999-12-31T23:59:59.999Z');

/** The documents below a parent. Deleted ones have no parent. */
export function parentRange(parent: string): Document {
  const end = prefixEnd(parent);
  return { _id: { $gte: parent, ...(end !== undefined && { $lt: end }) }, parent };
}

/** The keys of an index. */
export function indexKeys({ fields }: IndexDeclaration): Document {
  const keys = fields.map(({ field, descending }) => [pathOf(field), descending ? -1 : 1] as const);
  return Object.fromEntries([['parent', 1], ...keys, ['_id', idDescends(fields) ? -1 : 1]]) as Document;
}

export function sortOf(order: readonly OrderField[], descendingId: boolean): Sort {
  const keys = order.map(({ field, descending }) => [pathOf(field), descending ? -1 : 1] as const);
  return Object.fromEntries([...keys, ['_id', descendingId ? -1 : 1]]) as Sort;
}

/** Fields that equal a value or lie within bounds, as far as an index can tell. */
export function leafRange(leaves: readonly CompareLeaf[]): Document[] {
  return leaves.map((leaf): Document => candidateFilter(leaf) ?? {});
}

/** What is in a segment; `undefined` if nothing can be. */
export function segmentRange(
  { equal, beyond, behindId }: Segment,
  order: readonly OrderField[],
  descendingId: boolean,
): Document[] | undefined {
  const conditions = equal.flatMap((key, position) => {
    const step = order[position];
    return step ? [{ [pathOf(step.field)]: equalTo(step.field, key) }] : [];
  });
  const next = order[equal.length];
  if (beyond !== undefined && next !== undefined) {
    const range = beyondKey(next, beyond);
    if (range === undefined) return undefined;
    conditions.push(range);
  }
  if (behindId !== undefined) conditions.push({ _id: { [descendingId ? '$lt' : '$gt']: behindId } });
  return conditions;
}

// Of what an index holds everything is there and of one type, or missing, which stands before all others.
function equalTo(field: Field, key: SortKey): unknown {
  return key.rank === RANKS.missing ? { $exists: false } : keyValue(field, key);
}

function beyondKey({ field, descending }: OrderField, key: SortKey): Document | undefined {
  const path = pathOf(field);
  if (key.rank === RANKS.missing) return descending ? undefined : { [path]: { $exists: true } };
  const value = keyValue(field, key);
  if (!descending) return { [path]: { $gt: value } };
  return { $or: [{ [path]: { $lt: value } }, { [path]: { $exists: false } }] };
}

function keyValue(field: Field, { rank, scalar }: SortKey): unknown {
  if (field.kind === 'createTime' || field.kind === 'updateTime') return new Date(withinDates(Number(scalar)));
  if (rank === RANKS.true || rank === RANKS.false) return rank === RANKS.true;
  return rank === RANKS.null ? null : scalar;
}

// A place may come from a token that somebody has made up.
function withinDates(ms: number): number {
  return Math.max(DATE_MS_MIN, Math.min(DATE_MS_MAX, Math.trunc(ms) || 0));
}

function pathOf(field: Field): string {
  const path = storedPath(field);
  if (path === undefined) throw new RangeError('Cannot walk along a field with an empty name');
  return path;
}
