import type { CompareLeaf, Comparator, Condition, Field, HasLeaf, Leaf, MatchLeaf } from '../query/condition.js';
import { COLUMNS, jsonPath } from './sql-fields.js';
import { matchSql } from './sql-match.js';
import type { SqlParameters } from './sql-parameters.js';

/**
 * Makes a condition an expression that is 1 or 0 where SQLite can be sure, and NULL where it cannot: then the predicate
 * has to judge. SQL's own logic carries NULL through AND, OR and NOT as it should.
 * The row is `d`.
 */
export function conditionSql(condition: Condition, parameters: SqlParameters): string {
  // SQLite ends keys at a NUL, which in JSON text is always escaped.
  return `CASE WHEN instr(d.value, '\\u0000') > 0 THEN NULL ELSE ${toSql(condition, parameters)} END`;
}

function toSql(condition: Condition, parameters: SqlParameters): string {
  switch (condition.kind) {
    case 'and':
    case 'or': {
      const parts = condition.conditions.map((part) => toSql(part, parameters));
      const neutral = condition.kind === 'and' ? '1' : '0';
      return parts.length === 0 ? neutral : `(${parts.join(condition.kind === 'and' ? ' AND ' : ' OR ')})`;
    }
    case 'not':
      return `(NOT ${toSql(condition.condition, parameters)})`;
    default:
      return leafSql(condition, parameters);
  }
}

function leafSql(leaf: Leaf, parameters: SqlParameters): string {
  switch (leaf.kind) {
    case 'compare':
      return compareSql(leaf, parameters);
    case 'match':
      return textSql(leaf, parameters);
    case 'present':
      return leaf.field.kind === 'value' ? `(${partsOf(leaf.field, parameters).type} IS NOT NULL)` : '1';
    case 'has':
      return hasSql(leaf, parameters);
  }
}

// SQLite can look into lists by joining json_each, at several microseconds an element: a document of 300 KB and a filter
// of 64 such conditions took it nine seconds. The predicate takes a few milliseconds, so it judges all that it may find.
function hasSql({ keys }: HasLeaf, parameters: SqlParameters): string {
  const path = parameters.bind(jsonPath(keys.slice(0, 1)));
  return `(CASE WHEN json_type(d.value, ${path}) IS NULL THEN 0 ELSE NULL END)`;
}

interface Parts {
  /** The type by SQLite's name, NULL where nothing is. */
  readonly type: string;
  readonly value: string;
  /** The JSON text. */
  readonly text: string;
}

function partsOf(field: Field, parameters: SqlParameters): Parts {
  if (field.kind !== 'value') {
    const column = `d.${COLUMNS[field.kind]}`;
    return { type: field.kind === 'id' ? `'text'` : `'integer'`, value: column, text: `CAST(${column} AS TEXT)` };
  }
  const path = parameters.bind(jsonPath(field.keys));
  return { type: `json_type(d.value, ${path})`, value: `json_extract(d.value, ${path})`, text: `(d.value -> ${path})` };
}

function compareSql({ field, comparator, value }: CompareLeaf, parameters: SqlParameters): string {
  const parts = partsOf(field, parameters);
  if (typeof value === 'number') return numberSql(parts, { comparator, value }, parameters);
  if (typeof value === 'string') {
    return `(${parts.type} IS 'text' AND ${parts.value} ${comparator} ${parameters.bind(value)})`;
  }
  return `(${parts.type} IS '${String(value)}')`;
}

// SQLite reads a number from its text not always to the last bit, so that of two that are this close only the texts
// can tell, which JSON.stringify writes in one way only.
const CLOSE = { relative: 1e-14, absolute: 1e-300 };

function numberSql(
  { type, value, text }: Parts,
  { comparator, value: wanted }: { readonly comparator: Comparator; readonly value: number },
  parameters: SqlParameters,
): string {
  const number = parameters.bind(wanted);
  const same = parameters.bind(JSON.stringify(wanted));
  const close = parameters.bind(Math.abs(wanted) * CLOSE.relative + CLOSE.absolute);
  const allowsEqual = comparator === '=' || comparator === '<=' || comparator === '>=';
  return `(CASE WHEN coalesce(${type}, '') NOT IN ('integer', 'real') THEN 0
    WHEN ${text} = ${same} THEN ${allowsEqual ? 1 : 0}
    WHEN abs(CAST(${value} AS REAL) - ${number}) <= ${close} THEN NULL
    ELSE CAST(${value} AS REAL) ${comparator} ${number} END)`;
}

function textSql({ field, pieces }: MatchLeaf, parameters: SqlParameters): string {
  const { type, value } = partsOf(field, parameters);
  return `(${type} IS 'text' AND ${matchSql(value, pieces, parameters)})`;
}
