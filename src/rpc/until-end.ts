import type { ServiceError } from './errors.js';
import type { CallLifetime } from './lifetime.js';

/**
 * Iterates until the source ends or the call does. The source is told to stop either way, but never waited for: a generator that
 * hangs in an await cannot hold the call. It is told even while nobody asks for the next value, when a reader is stalled, or a
 * handler thinks. An object and not a generator, for it passes on every message of every stream.
 */
export class UntilEnd<T> implements AsyncIterableIterator<T> {
  readonly #source: AsyncIterator<T>;
  readonly #release: () => void;
  /** Ends the wait for the next value. */
  #reject: ((reason: ServiceError) => void) | undefined;
  /** Why the call has ended. */
  #over: ServiceError | undefined;
  #isDone = false;

  constructor(lifetime: Pick<CallLifetime, 'whenEnded'>, source: AsyncIterable<T>) {
    this.#source = source[Symbol.asyncIterator]();
    this.#release = lifetime.whenEnded((reason) => {
      this.#over = reason;
      this.#stop();
      this.#reject?.(reason);
    });
  }

  /** Settles as the source does, or rejects when the call ends first. To be called again only when it has settled. */
  next(): Promise<IteratorResult<T>> {
    if (this.#isDone) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      if (this.#over !== undefined) {
        reject(this.#over);
        return;
      }
      this.#reject = reject;
      this.#source.next().then(
        (result) => {
          this.#reject = undefined;
          if (result.done === true) this.#finish();
          resolve(result);
        },
        (err: unknown) => {
          this.#finish();
          reject(err as Error);
        },
      );
    });
  }

  return(): Promise<IteratorResult<T>> {
    if (!this.#isDone) this.#stop();
    this.#finish();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #stop(): void {
    this.#source.return?.().then(undefined, () => undefined);
  }

  #finish(): void {
    this.#isDone = true;
    this.#release();
  }
}
