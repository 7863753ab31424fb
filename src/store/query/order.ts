import type { JsonValue } from '../json-value.js';
import type { StateDocument } from '../state.js';
import { compareCodePoints } from './code-points.js';
import type { OrderField } from './condition.js';
import { valueOfField } from './field-value.js';

/** The types of values in the order in which they stand. Lists are equal among themselves, and objects too. */
export const RANKS = { missing: 0, null: 1, false: 2, true: 3, number: 4, string: 5, list: 6, object: 7 } as const;

/** The place of a value in the total order of all values: first its rank, then, for numbers and strings, the value. */
export interface SortKey {
  readonly rank: number;
  /** Zero where the rank alone decides. */
  readonly scalar: string | number;
}

/** The place of a document in an order. The id decides last, in the direction of the last field. */
export interface Place {
  readonly keys: readonly SortKey[];
  readonly id: string;
}

export function placeOf(document: StateDocument, order: readonly OrderField[]): Place {
  return { keys: order.map(({ field }) => sortKeyOf(valueOfField(document, field))), id: document.id };
}

export function sortKeyOf(value: JsonValue | undefined): SortKey {
  const rank = rankOf(value);
  return { rank, scalar: typeof value === 'string' || typeof value === 'number' ? value : 0 };
}

export function comparePlaces(a: Place, b: Place, order: readonly OrderField[]): number {
  for (const [index, { descending }] of order.entries()) {
    const compared = compareKeys(a.keys[index], b.keys[index]);
    if (compared !== 0) return descending ? -compared : compared;
  }
  const byId = compareCodePoints(a.id, b.id);
  return idDescends(order) ? -byId : byId;
}

/** Whether ids decide ties from the last to the first. */
export function idDescends(order: readonly OrderField[]): boolean {
  return order.at(-1)?.descending ?? false;
}

/** Compares numbers and strings of one type. */
export function compareScalars(a: string | number, b: string | number): number {
  if (typeof a === 'string' && typeof b === 'string') return compareCodePoints(a, b);
  return a < b ? -1 : Number(a > b);
}

function compareKeys(a: SortKey | undefined, b: SortKey | undefined): number {
  if (a === undefined || b === undefined) return 0;
  return a.rank - b.rank || compareScalars(a.scalar, b.scalar);
}

function rankOf(value: JsonValue | undefined): number {
  switch (typeof value) {
    case 'undefined':
      return RANKS.missing;
    case 'boolean':
      return value ? RANKS.true : RANKS.false;
    case 'number':
      return RANKS.number;
    case 'string':
      return RANKS.string;
    default:
      return value === null ? RANKS.null : Array.isArray(value) ? RANKS.list : RANKS.object;
  }
}
