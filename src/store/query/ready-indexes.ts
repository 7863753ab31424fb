import { setTimeout as delay } from 'node:timers/promises';
import type { IndexDeclaration } from './query.js';

/** How long a start waits for an index. Where there is much to be put in it, it is made ready behind. */
const WAIT_MS = 2_000;

/** Knows which declared indexes can be used by now. Queries do without those that are still being built. */
export class ReadyIndexes {
  readonly #waitMs: number;
  readonly #ready = new Map<string, readonly IndexDeclaration[]>();

  constructor(options: { readonly waitMs?: number | undefined } = {}) {
    this.#waitMs = options.waitMs ?? WAIT_MS;
  }

  of(collection: string): readonly IndexDeclaration[] {
    return this.#ready.get(collection) ?? [];
  }

  /**
   * Builds indexes one after another and resolves when they are ready, or after a while: the rest is built behind. Rejects
   * if one fails meanwhile. One that fails later stays unused until it is declared again, at the next start.
   */
  async declare(
    collection: string,
    indexes: readonly IndexDeclaration[],
    build: (index: IndexDeclaration) => Promise<void>,
  ): Promise<void> {
    this.#ready.set(collection, []);
    const waiting = new AbortController();
    const built = this.#buildAll(collection, indexes, build).finally(() => waiting.abort());
    const waited = delay(this.#waitMs, undefined, { signal: waiting.signal }).catch(() => undefined);
    // Nobody hears of a failure that comes late.
    built.catch(() => undefined);
    await Promise.race([built, waited.then(() => (waiting.signal.aborted ? built : undefined))]);
  }

  async #buildAll(
    collection: string,
    indexes: readonly IndexDeclaration[],
    build: (index: IndexDeclaration) => Promise<void>,
  ): Promise<void> {
    for (const index of indexes) {
      await build(index);
      this.#ready.set(collection, [...this.of(collection), index]);
    }
  }
}
