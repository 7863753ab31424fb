import { ServiceError } from './errors.js';
import type { CallLifetime } from './lifetime.js';

/** The calls that are running, so that a stop can wait for them and then end what is left. */
export class OpenCalls {
  readonly #streams = new Set<CallLifetime>();
  readonly #unary = new Set<CallLifetime>();
  readonly #onIdle = new Set<() => void>();
  #draining = false;

  get draining(): boolean {
    return this.#draining;
  }

  get size(): number {
    return this.#streams.size + this.#unary.size;
  }

  add(lifetime: CallLifetime, { isStream }: { isStream: boolean }): void {
    (isStream ? this.#streams : this.#unary).add(lifetime);
  }

  delete(lifetime: CallLifetime): void {
    this.#streams.delete(lifetime);
    this.#unary.delete(lifetime);
    if (this.size > 0) return;
    for (const resolve of this.#onIdle) resolve();
    this.#onIdle.clear();
  }

  /**
   * Ends streams at once with UNAVAILABLE, for some would never end, and waits for unary calls; those that still run
   * after `budgetMs` end with UNAVAILABLE too. From the first moment on, new calls are refused.
   */
  async drain(budgetMs: number): Promise<void> {
    this.#draining = true;
    for (const lifetime of [...this.#streams]) lifetime.end(draining());
    if (this.size === 0) return;
    const timer = setTimeout(() => {
      for (const lifetime of [...this.#unary]) lifetime.end(draining());
    }, budgetMs);
    await new Promise<void>((resolve) => this.#onIdle.add(resolve));
    clearTimeout(timer);
  }
}

/** Tells a caller to go to another replica, or to come back. */
export function draining(): ServiceError {
  return new ServiceError('SERVER_DRAINING', 'Server is shutting down', { retryDelayMs: 1000 });
}
