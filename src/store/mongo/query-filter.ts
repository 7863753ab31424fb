import type { Document, Filter } from 'mongodb';
import type { CompareLeaf, Condition, Field, HasLeaf, Leaf, MatchLeaf } from '../query/condition.js';
import { countLeaves } from '../query/work.js';
import type { StoredDocument } from './documents.js';
import { escapeKey } from './key-escape.js';

/**
 * Filters with more comparisons are left to the predicate whole: a query ends when it has looked at too much, and what
 * the server looks at nobody counts.
 */
const SERVER_COMPARISONS_MAX = 16;

/**
 * Makes a condition a query that finds every document that meets it, and perhaps more: MongoDB looks into lists on the
 * way and takes nothing for null, so the predicate judges what is found. `undefined` where nothing can be said.
 */
export function candidateFilter(condition: Condition): Filter<StoredDocument> | undefined {
  return countLeaves(condition) > SERVER_COMPARISONS_MAX ? undefined : candidates(condition, false);
}

/** The path of a field in a stored document; `undefined` if MongoDB has none for it. */
export function storedPath(field: Field): string | undefined {
  if (field.kind === 'id') return '_id';
  return field.kind === 'value' ? valuePath(field.keys) : field.kind;
}

function valuePath(keys: readonly string[]): string | undefined {
  return keys.includes('') ? undefined : ['value', ...keys.map(escapeKey)].join('.');
}

function candidates(condition: Condition, negated: boolean): Document | undefined {
  switch (condition.kind) {
    case 'and':
    case 'or': {
      const parts = condition.conditions.map((part) => candidates(part, negated));
      return (condition.kind === 'and') === negated ? anyOf(parts) : allOf(parts);
    }
    case 'not':
      return candidates(condition.condition, !negated);
    default:
      return negated ? undefined : leafCandidates(condition);
  }
}

function allOf(parts: readonly (Document | undefined)[]): Document | undefined {
  const known = parts.filter((part) => part !== undefined);
  return known.length === 0 ? undefined : { $and: known };
}

function anyOf(parts: readonly (Document | undefined)[]): Document | undefined {
  const known = parts.filter((part) => part !== undefined);
  if (known.length < parts.length) return undefined;
  // None of nothing is met.
  return known.length === 0 ? { _id: { $in: [] } } : { $or: known };
}

function leafCandidates(leaf: Leaf): Document | undefined {
  switch (leaf.kind) {
    case 'compare':
      return compareCandidates(leaf);
    case 'match':
      return matchCandidates(leaf);
    case 'present':
      return atPath(storedPath(leaf.field), { $exists: true });
    case 'has':
      return hasCandidates(leaf);
  }
}

const OPERATORS = { '=': '$eq', '<': '$lt', '<=': '$lte', '>': '$gt', '>=': '$gte' } as const;

function compareCandidates({ field, comparator, value }: CompareLeaf): Document | undefined {
  if ((field.kind === 'createTime' || field.kind === 'updateTime') && typeof value === 'number') {
    return { [field.kind]: timeRange(comparator, value) };
  }
  return atPath(storedPath(field), { [OPERATORS[comparator]]: value });
}

// Stored times are whole milliseconds, and what is looked for may lie between two.
function timeRange(comparator: CompareLeaf['comparator'], ms: number): Document {
  const from = { $gte: new Date(Math.floor(ms)) };
  const to = { $lte: new Date(Math.ceil(ms)) };
  if (comparator === '=') return { ...from, ...to };
  return comparator === '<' || comparator === '<=' ? to : from;
}

function matchCandidates({ field, pieces }: MatchLeaf): Document | undefined {
  return atPath(storedPath(field), prefixPattern(pieces[0] ?? ''));
}

// A prefix with nothing to try again; what follows is left to the predicate.
function prefixPattern(prefix: string): Document {
  return prefix === '' ? { $exists: true } : { $regex: `^${prefix.replaceAll(/[!-/:-@[-`{-~]/g, '\\$&')}` };
}

function hasCandidates({ keys, test }: HasLeaf): Document | undefined {
  const path = valuePath(keys);
  if (path === undefined || test.kind === 'any') return atPath(path, { $exists: true });
  const { value, pieces, key } = test;
  const parts: (Document | undefined)[] = [];
  if (value !== undefined) parts.push({ [path]: value });
  if (pieces !== undefined) parts.push({ [path]: prefixPattern(pieces[0] ?? '') });
  if (key !== undefined) parts.push(atPath(valuePath([...keys, key]), { $exists: true }));
  return anyOf(parts);
}

function atPath(path: string | undefined, condition: Document): Document | undefined {
  return path === undefined ? undefined : { [path]: condition };
}
