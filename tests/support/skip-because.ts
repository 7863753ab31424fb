/** Skips a test, or all that a hook is for, with one line that says why. */
export function skipBecause(test: Mocha.Context, why: string): never {
  process.stdout.write(`Skipped "${test.test?.fullTitle() ?? 'a test'}": ${why}\n`);
  return test.skip();
}
