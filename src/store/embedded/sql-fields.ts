import type { Field } from '../query/condition.js';
import { RANKS } from '../query/order.js';
import type { IndexDeclaration } from '../query/query.js';

/** The columns that hold what the ledger knows of a document. */
export const COLUMNS = {
  id: 'id',
  revision: 'revision',
  createTime: 'create_time',
  updateTime: 'update_time',
} as const;

/**
 * What stands in an id before its last part, with the slash: the id less the last of a list of its parts. To trim what is no
 * slash looks for each character of the last part among all others, which takes three times as long where that is a UUID.
 */
export const PARENT = `substr(id, 1, length(id) - length(json_extract('[' || replace(json_quote(id), '/', '","') || ']', '$[#-1]')))`;

/** A JSON path. Keys are written as JSON, and a quote by its number, because SQLite looks for the next quote. */
export function jsonPath(keys: readonly string[]): string {
  return `$${keys.map((key) => `."${key.split('"').map(escapeJson).join('\\u0022')}"`).join('')}`;
}

function escapeJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/**
 * The expressions by which a field is ordered and indexed: the rank of its type, then its value. Paths stand in them as
 * text, because SQLite uses an index only for the very expression it was made of; they come from a definition or are
 * quoted here.
 */
export function keyExpressions(field: Field): readonly string[] {
  if (field.kind !== 'value') return [COLUMNS[field.kind]];
  const path = quoteSql(jsonPath(field.keys));
  const type = `json_type(value, ${path})`;
  const rank = `CASE ${type} WHEN 'null' THEN ${RANKS.null} WHEN 'false' THEN ${RANKS.false} WHEN 'true' THEN ${RANKS.true} WHEN 'integer' THEN ${RANKS.number} WHEN 'real' THEN ${RANKS.number} WHEN 'text' THEN ${RANKS.string} WHEN 'array' THEN ${RANKS.list} WHEN 'object' THEN ${RANKS.object} ELSE ${RANKS.missing} END`;
  const extract = `json_extract(value, ${path})`;
  const scalar = `CASE ${type} WHEN 'text' THEN ${extract} WHEN 'integer' THEN CAST(${extract} AS REAL) WHEN 'real' THEN CAST(${extract} AS REAL) ELSE 0 END`;
  return [rank, scalar];
}

/** The columns of an index, with their directions. */
export function indexColumns({ fields }: IndexDeclaration): string {
  const columns = fields.flatMap(({ field, descending }) =>
    keyExpressions(field).map((key) => `${key}${descending ? ' DESC' : ''}`),
  );
  return [PARENT, ...columns, `id${fields.at(-1)?.descending ? ' DESC' : ''}`].join(', ');
}

export function quoteSql(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
