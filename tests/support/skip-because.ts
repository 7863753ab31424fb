/** Skips a test, or all that a hook is for, with one line that says why. */
export function skipBecause(test: Mocha.Context, why: string): never {
  const title = test.test?.type === 'hook' ? test.test.parent?.fullTitle() : test.test?.fullTitle();
  process.stdout.write(`Skipped "${title ?? 'a test'}": ${why}\n`);
  return test.skip();
}
