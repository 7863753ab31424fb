import Mocha from 'mocha';

const LINGER_MS_MAX = 3_000;

/**
 * Mocha's spec reporter, and three promises more. A promise that was rejected and that nobody handled fails the run. A
 * run whose process cannot end by itself, because a server, socket or timer was left open, fails and says what is open.
 * The last line of a run is `tests: N passed, N failed, N skipped`.
 */
export class SummaryReporter extends Mocha.reporters.Spec {
  readonly #runner: Mocha.Runner;
  /** Failures that belong to no test. */
  #strays = 0;

  constructor(runner: Mocha.Runner, options?: Mocha.MochaOptions) {
    super(runner, options);
    this.#runner = runner;
    const seen = new WeakSet<Promise<unknown>>();
    process.on('unhandledRejection', (reason, promise) => {
      // Mocha emits the event a second time.
      if (!seen.has(promise)) this.#fail('A rejected promise was not handled', inspect(reason));
      seen.add(promise);
    });
  }

  override done(failures: number, finish: (failures: number) => void): void {
    finish(failures);
    // Mocha sets the exit code in an exit listener that finish() has added: this one comes after it.
    process.once('exit', () => this.#summarize(failures));
    // The timer is not what keeps the process alive: it fires only where something else does.
    setTimeout(() => this.#endLingering(), LINGER_MS_MAX).unref();
  }

  #endLingering(): void {
    const open = process.getActiveResourcesInfo().filter((name) => name !== 'TTYWrap' && name !== 'PipeWrap');
    const what = open.join(', ') || 'something that Node has no name for';
    this.#fail(
      'The process cannot end',
      `${what} is still open ${LINGER_MS_MAX} ms after the last test: close it in after()`,
    );
    process.exit();
  }

  #summarize(failures: number): void {
    const failed = failures + this.#strays;
    if (failed > 0) process.exitCode = 1;
    process.stdout.write(`\ntests: ${this.stats.passes} passed, ${failed} failed, ${this.stats.pending} skipped\n`);
  }

  #fail(what: string, details: string): void {
    this.#strays += 1;
    const during = this.#runner.currentRunnable?.fullTitle() ?? 'no test';
    process.stdout.write(`\n${what}, at or after "${during}":\n${details}\n\n`);
  }
}

// Mocha takes a reporter from a file's default export.
export default SummaryReporter;

function inspect(reason: unknown): string {
  return reason instanceof Error ? (reason.stack ?? reason.message) : String(reason);
}
