import type { HasLeaf, HasTest, Scalar } from '../query/condition.js';
import { jsonPath } from './sql-fields.js';
import { matchSql } from './sql-match.js';
import type { SqlParameters } from './sql-parameters.js';

/**
 * Whether one of the values that the keys lead to passes. Each step joins the elements of the lists it meets. The best
 * verdict counts: 1 passes, 0.5 is what SQLite cannot be sure of and becomes NULL, 0 does not pass.
 */
export function hasSql({ keys, test }: HasLeaf, parameters: SqlParameters): string {
  const steps = keys.map((key, index) => {
    const path = parameters.bind(jsonPath([key]));
    const from =
      index === 0 ? `(d.value -> ${path})` : `CASE e${index}.type WHEN 'object' THEN (e${index}.value -> ${path}) END`;
    return `json_each(${elements(from)}) AS e${index + 1}`;
  });
  const verdict = testSql(test, `e${keys.length}`, parameters);
  const best = `(SELECT max(${verdict}) FROM ${steps.join(', ')})`;
  return `(CASE coalesce(${best}, 0) WHEN 0 THEN 0 WHEN 1 THEN 1 ELSE NULL END)`;
}

// The elements of a list, the value itself if it is none, and nothing if there is no value.
function elements(json: string): string {
  return `CASE WHEN ${json} IS NULL THEN '[]' WHEN json_type(${json}) = 'array' THEN ${json} ELSE '[' || ${json} || ']' END`;
}

function testSql(test: HasTest, element: string, parameters: SqlParameters): string {
  if (test.kind === 'any') return '1';
  const { value, pieces, key } = test;
  const verdicts = ['0'];
  if (value !== undefined) verdicts.push(equalsSql(value, element, parameters));
  if (pieces !== undefined)
    verdicts.push(`(${element}.type = 'text' AND ${matchSql(`${element}.value`, pieces, parameters)})`);
  if (key !== undefined) {
    const path = parameters.bind(jsonPath([key]));
    verdicts.push(
      `(CASE ${element}.type WHEN 'object' THEN json_type(${element}.value, ${path}) IS NOT NULL ELSE 0 END)`,
    );
  }
  return verdicts.length === 1 ? '0' : `max(${verdicts.join(', ')})`;
}

const CLOSE = { relative: 1e-14, absolute: 1e-300 };

function equalsSql(value: Scalar, element: string, parameters: SqlParameters): string {
  if (typeof value === 'string') return `(${element}.type = 'text' AND ${element}.value = ${parameters.bind(value)})`;
  if (typeof value !== 'number') return `(${element}.type = '${String(value)}')`;
  const number = parameters.bind(value);
  const close = parameters.bind(Math.abs(value) * CLOSE.relative + CLOSE.absolute);
  // A whole number that a double holds is read exactly.
  const exact = Number.isSafeInteger(value) ? `WHEN ${element}.type = 'integer' THEN ${element}.value = ${number}` : '';
  return `(CASE WHEN ${element}.type NOT IN ('integer', 'real') THEN 0 ${exact}
    WHEN abs(CAST(${element}.value AS REAL) - ${number}) <= ${close} THEN 0.5 ELSE 0 END)`;
}
