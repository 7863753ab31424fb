import { readFile, writeFile } from 'node:fs/promises';
import type { Result } from './result.js';

/** The committed figures; compiled, this file is two folders below the checkout. */
export const FIGURES_FILE = new URL('../../bench/figures.json', import.meta.url);

/** What was measured of one case, when, and on what. */
export interface Figures {
  readonly date: string;
  readonly machine: string;
  readonly results: readonly Result[];
}

/** Gives the committed figures, by the names of the cases. */
export async function readFigures(): Promise<Readonly<Record<string, Figures>>> {
  return JSON.parse(await readFile(FIGURES_FILE, 'utf8')) as Record<string, Figures>;
}

/** Replaces the figures of some cases. */
export async function writeFigures(results: readonly Result[], machine: string): Promise<void> {
  const figures = { ...(await readFigures().catch(() => ({}))) } as Record<string, Figures>;
  const date = new Date().toISOString().slice(0, 10);
  for (const caseName of new Set(results.map((result) => result.case))) {
    figures[caseName] = { date, machine, results: results.filter((result) => result.case === caseName) };
  }
  await writeFile(FIGURES_FILE, `${JSON.stringify(figures, undefined, 2)}\n`);
}

/** Gives a ratio of Keelson to another system. */
export function ratioTo(other: string, results: readonly Result[] = []): number | undefined {
  return results.find(({ system }) => system === 'keelson')?.ratios[other];
}
