const SEED_MAX = 2 ** 31;

let chosen: number | undefined;

/**
 * The seed of this run's random tests: KEELSON_TEST_SEED where it is set, else a new one. It is printed when it is first
 * asked for, so that a failed run can be repeated.
 */
export function seed(): number {
  chosen ??= announce(readSeed() ?? Math.floor(Math.random() * SEED_MAX));
  return chosen;
}

function readSeed(): number | undefined {
  const text = process.env['KEELSON_TEST_SEED'];
  if (text === undefined || text === '') return undefined;
  if (!/^\d{1,10}$/.test(text)) throw new Error(`Cannot read KEELSON_TEST_SEED: "${text}" is not a whole number`);
  return Number(text);
}

function announce(value: number): number {
  process.stdout.write(`Random tests run with KEELSON_TEST_SEED=${value}\n`);
  return value;
}
