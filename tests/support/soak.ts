import { performance } from 'node:perf_hooks';

const SECOND_MS = 1_000;
/** How long an attack goes on at most, beyond its time, on a machine that is so busy that little has happened. */
export const BUSY_MS_MAX = 40 * SECOND_MS;

/** How long an attack lasts: what a run of all tests can afford, or KEELSON_TEST_SOAK_SECONDS. */
export function attackMs(usual: number): number {
  const text = process.env['KEELSON_TEST_SOAK_SECONDS'];
  if (text === undefined || text === '') return usual;
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new Error(`Cannot read KEELSON_TEST_SOAK_SECONDS: "${text}" is no number`);
  return Number(text) * SECOND_MS;
}

/** Tells whether an attack that begins now is over: its time is up, and enough has happened for it to mean anything. */
export function endOfAttack(usual: number, hasHappened: () => boolean): () => boolean {
  const until = performance.now() + attackMs(usual);
  return () => performance.now() > until && (hasHappened() || performance.now() > until + BUSY_MS_MAX);
}
