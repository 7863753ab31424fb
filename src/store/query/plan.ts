import type { CompareLeaf, Condition, Field, OrderField } from './condition.js';
import { isSameField } from './field-value.js';
import type { IndexDeclaration } from './query.js';

/** How a query is run: in the order of ids, along an index, or by putting everything in order first. */
export type Plan = WalkPlan | { readonly kind: 'sort' };

/** A walk along the ids or an index, begun where the conditions let it begin. */
export interface WalkPlan {
  readonly kind: 'walk';
  /** `undefined` for the order of ids. */
  readonly index: IndexDeclaration | undefined;
  /** The first fields of the index, which equal a value. */
  readonly equal: readonly CompareLeaf[];
  /** Conditions on the first field that the walk orders by. */
  readonly bounds: readonly CompareLeaf[];
}

/** Chooses the index with most fields that equal a value and whose other fields are the order, if there is one. */
export function choosePlan(
  { condition, orderBy }: { readonly condition: Condition; readonly orderBy: readonly OrderField[] },
  indexes: readonly IndexDeclaration[],
): Plan {
  const conjuncts = conjunctsOf(condition);
  const walks = indexes.flatMap((index) => walkAlong(index, conjuncts, orderBy) ?? []);
  const best = walks.toSorted((a, b) => b.equal.length - a.equal.length)[0];
  if (best) return best;
  return isIdOrder(orderBy) ? { kind: 'walk', index: undefined, equal: [], bounds: [] } : { kind: 'sort' };
}

/** Whether nothing but the id decides. */
export function isIdOrder(orderBy: readonly OrderField[]): boolean {
  return orderBy.length === 0 || orderBy[0]?.field.kind === 'id';
}

function walkAlong(
  index: IndexDeclaration,
  conjuncts: readonly CompareLeaf[],
  orderBy: readonly OrderField[],
): WalkPlan | undefined {
  const order = isIdOrder(orderBy) ? [] : orderBy;
  const split = index.fields.length - order.length;
  // An index in the order of ids is better than the ids only if it narrows.
  if (split < 0 || (split === 0 && order.length === 0) || !isSameOrder(index.fields.slice(split), order))
    return undefined;
  const equal = index.fields.slice(0, split).flatMap(({ field }) => conjuncts.find(isEqualityOn(field)) ?? []);
  if (equal.length < split) return undefined;
  const first = order[0]?.field;
  const bounds = first ? conjuncts.filter((leaf) => isBoundOn(leaf, first)) : [];
  return { kind: 'walk', index, equal, bounds };
}

// An index can be walked from its end as well.
function isSameOrder(indexed: readonly OrderField[], wanted: readonly OrderField[]): boolean {
  const reversed = indexed[0]?.descending !== wanted[0]?.descending;
  return indexed.every(({ field, descending }, position) => {
    const other = wanted[position];
    return other !== undefined && isSameField(field, other.field) && (descending === other.descending) !== reversed;
  });
}

function conjunctsOf(condition: Condition): readonly CompareLeaf[] {
  if (condition.kind === 'and') return condition.conditions.flatMap(conjunctsOf);
  return condition.kind === 'compare' ? [condition] : [];
}

// Engines read a number from its text, and of numbers with a fraction or very large ones not always to the last bit.
function isEqualityOn(field: Field): (leaf: CompareLeaf) => boolean {
  return (leaf) => leaf.comparator === '=' && isExact(leaf) && isSameField(leaf.field, field);
}

function isBoundOn(leaf: CompareLeaf, field: Field): boolean {
  return leaf.comparator !== '=' && isExact(leaf) && isSameField(leaf.field, field);
}

function isExact({ value, field }: CompareLeaf): boolean {
  return typeof value !== 'number' || field.kind !== 'value' || Number.isSafeInteger(value);
}
