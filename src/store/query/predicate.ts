import type { JsonValue } from '../json-value.js';
import type { StateDocument } from '../state.js';
import type { CompareLeaf, Condition, HasLeaf, HasTest, Scalar } from './condition.js';
import { isList, ownValue, valueOfField } from './field-value.js';
import { compareScalars } from './order.js';
import { matchesPieces } from './wildcard.js';

export type Predicate = (document: StateDocument) => boolean;

/** Makes a condition a function. It is what the engines' queries are held to. */
export function compilePredicate(condition: Condition): Predicate {
  switch (condition.kind) {
    case 'and': {
      const all = condition.conditions.map(compilePredicate);
      return (document) => all.every((test) => test(document));
    }
    case 'or': {
      const any = condition.conditions.map(compilePredicate);
      return (document) => any.some((test) => test(document));
    }
    case 'not': {
      const inner = compilePredicate(condition.condition);
      return (document) => !inner(document);
    }
    case 'compare':
      return (document) => compares(valueOfField(document, condition.field), condition);
    case 'match':
      return (document) => matches(valueOfField(document, condition.field), condition.pieces);
    case 'present':
      return (document) => valueOfField(document, condition.field) !== undefined;
    case 'has':
      return (document) => has(document.value, condition);
  }
}

function compares(found: JsonValue | undefined, { comparator, value }: CompareLeaf): boolean {
  if (comparator === '=') return found === value;
  const compared = compareSameType(found, value);
  if (compared === undefined) return false;
  switch (comparator) {
    case '<':
      return compared < 0;
    case '<=':
      return compared <= 0;
    case '>':
      return compared > 0;
    case '>=':
      return compared >= 0;
  }
}

function compareSameType(found: JsonValue | undefined, value: Scalar): number | undefined {
  if (typeof found === 'string' && typeof value === 'string') return compareScalars(found, value);
  if (typeof found === 'number' && typeof value === 'number') return compareScalars(found, value);
  return undefined;
}

function matches(found: JsonValue | undefined, pieces: readonly string[]): boolean {
  return typeof found === 'string' && matchesPieces(found, pieces);
}

function has(root: JsonValue, { keys, test }: HasLeaf): boolean {
  const reaches = (value: JsonValue, depth: number): boolean =>
    isList(value) ? value.some((element) => leads(element, depth)) : leads(value, depth);
  const leads = (value: JsonValue, depth: number): boolean => {
    const key = keys[depth];
    if (key === undefined) return passes(value, test);
    const next = ownValue(value, key);
    return next !== undefined && reaches(next, depth + 1);
  };
  return reaches(root, 0);
}

function passes(found: JsonValue, test: HasTest): boolean {
  if (test.kind === 'any') return true;
  const { value, pieces, key } = test;
  if (value !== undefined && found === value) return true;
  if (pieces !== undefined && matches(found, pieces)) return true;
  return key !== undefined && ownValue(found, key) !== undefined;
}
