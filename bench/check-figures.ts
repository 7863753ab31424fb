import { Bench, QUICK } from './bench.js';
import { CASES } from './cases/all-cases.js';
import { ratioTo, readFigures } from './figures.js';

/** A ratio may fall by so much before it counts as slower. */
const FALL_MAX = 0.2;
/** One measurement that is too low may be the machine's fault; two in a row are not. */
const ATTEMPTS = 2;

/** The ratios that are held, each by its case and the system that Keelson is compared with. */
const GUARDED = [
  ['echo', 'grpc-js'],
  ['stream', 'grpc-js'],
  ['cached-get', 'echo'],
  ['rest', 'fastify'],
] as const;

/** Measures the guarded ratios quickly and gives 1 where one has fallen too far below the committed figure. */
export async function checkFigures(): Promise<number> {
  const figures = await readFigures();
  let slower = 0;
  for (const [caseName, other] of GUARDED) {
    const committed = ratioTo(other, figures[caseName]?.results);
    if (committed === undefined) throw new Error(`bench/figures.json has no ratio of ${caseName} to ${other}`);
    const least = committed * (1 - FALL_MAX);
    const measured = await measureUntil(caseName, other, least);
    const isSlower = measured < least;
    if (isSlower) slower += 1;
    const verdict = isSlower ? 'SLOWER' : 'ok';
    process.stdout.write(
      `${verdict.padEnd(8)}${caseName} / ${other}: ${measured.toFixed(2)}, committed ${committed.toFixed(2)} on ${figures[caseName]?.date}\n`,
    );
  }
  if (slower > 0) process.stdout.write(`\nFind out why, or say in the commit why it has to be: npm run bench:record\n`);
  return slower > 0 ? 1 : 0;
}

async function measureUntil(caseName: string, other: string, least: number): Promise<number> {
  let best = 0;
  for (let attempt = 0; attempt < ATTEMPTS && best < least; attempt += 1) {
    best = Math.max(best, await measure(caseName, other));
  }
  return best;
}

async function measure(caseName: string, other: string): Promise<number> {
  const found = CASES.find(({ name }) => name === caseName);
  const bench = new Bench(QUICK, [other]);
  try {
    return ratioTo(other, await found?.run(bench)) ?? 0;
  } catch (err) {
    // A request that failed or was too slow is a measurement that failed, and counts as one.
    bench.say(`  ${caseName} failed: ${err instanceof Error ? err.message : String(err)}`);
    return 0;
  } finally {
    await bench.close();
  }
}
