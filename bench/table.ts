import type { Result } from './result.js';

const EMPTY = '';

/** Writes the results of a case as a table, a row a system, with its ratios to the others below. */
export function toTable(results: readonly Result[]): string {
  const rows = results.map(({ system, rps, p50Ms, p99Ms, spread, figures }) => [
    system,
    ...[rps, p50Ms, p99Ms].map((value) => (value === null ? EMPTY : format(value))),
    spread === null ? EMPTY : `${Math.round(spread * 100)} %`,
    Object.entries(figures ?? {})
      .map(([name, value]) => `${name} ${format(value)}`)
      .join(', '),
  ]);
  const ratios = results.flatMap((result) => ratioRows(result));
  return [
    columns([['system', '/s', 'p50 ms', 'p99 ms', 'spread', ''], ...rows]),
    ...(ratios.length > 0 ? [columns(ratios)] : []),
  ].join('\n\n');
}

function ratioRows({ system, ratios, ratioRanges }: Result): string[][] {
  if (!isOurs(system)) return [];
  return Object.entries(ratios).map(([other, ratio]) => {
    const [low = Number.NaN, high = Number.NaN] = ratioRanges[other] ?? [];
    return [`${system} / ${other}`, ratio.toFixed(2), `(half of the rounds: ${low.toFixed(2)} to ${high.toFixed(2)})`];
  });
}

function isOurs(system: string): boolean {
  return system.startsWith('keelson');
}

function format(value: number): string {
  if (value >= 1000) return Math.round(value).toString();
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? EMPTY).length)));
  return rows.map((row) => `  ${row.map((cell, n) => pad(cell, n, widths[n] ?? 0)).join('  ')}`.trimEnd()).join('\n');
}

function pad(cell: string, column: number, width: number): string {
  return column === 0 || /^\(|[a-z]{3}/.test(cell) ? cell.padEnd(width) : cell.padStart(width);
}
