import type { SqlParameters } from './sql-parameters.js';

/**
 * Whether a text is made of pieces with anything between them: 1 or 0. On bytes, because SQLite's functions of texts end
 * at a NUL, and without GLOB, which goes back and tries again.
 */
export function matchSql(text: string, pieces: readonly string[], parameters: SqlParameters): string {
  const first = pieces[0] ?? '';
  if (pieces.length <= 1) return `${text} = ${parameters.bind(first)}`;
  const last = pieces.at(-1) ?? '';
  const bytes = `CAST(${text} AS BLOB)`;
  const [before, behind] = [Buffer.byteLength(first), Buffer.byteLength(last)];
  const tests = [`length(${bytes}) >= ${before + behind}`];
  if (before > 0) tests.push(`substr(${bytes}, 1, ${before}) = ${bindBytes(first, parameters)}`);
  if (behind > 0) tests.push(`substr(${bytes}, -${behind}) = ${bindBytes(last, parameters)}`);
  const middle = pieces.slice(1, -1).filter((piece) => piece !== '');
  const between = `substr(${bytes}, ${before + 1}, max(0, length(${bytes}) - ${before + behind}))`;
  if (middle.length > 0) tests.push(`${restBehind(between, middle, parameters)} IS NOT NULL`);
  return `(${tests.join(' AND ')})`;
}

// What is left behind the pieces, each taken where it is found first; NULL if one is not found.
function restBehind(text: string, pieces: readonly string[], parameters: SqlParameters): string {
  return pieces.reduce((rest, piece) => {
    const bytes = bindBytes(piece, parameters);
    const found = `instr(rest, ${bytes})`;
    const behind = `substr(rest, ${found} + ${Buffer.byteLength(piece)})`;
    return `(SELECT CASE WHEN ${found} > 0 THEN ${behind} END FROM (SELECT ${rest} AS rest))`;
  }, text);
}

function bindBytes(text: string, parameters: SqlParameters): string {
  return `CAST(${parameters.bind(text)} AS BLOB)`;
}
