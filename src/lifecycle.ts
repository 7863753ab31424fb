import type { Logger } from 'pino';

type Step = () => Promise<void> | void;

/** What has to be undone at the end. Runs newest first; a failing step is logged and the rest still run. */
export class Cleanups {
  readonly #steps: { name: string; step: Step }[] = [];

  add(name: string, step: Step): void {
    this.#steps.push({ name, step });
  }

  /** Each step bounds its own time. Running twice does nothing the second time. */
  async run(log: Logger): Promise<void> {
    for (const { name, step } of this.#steps.splice(0).toReversed()) {
      try {
        await step();
      } catch (err) {
        log.error({ err, step: name }, 'cleanup failed');
      }
    }
  }
}
