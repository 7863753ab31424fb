import { abortable } from '../async/abortable.js';

/** A read under way that others may join. It is given up when all who waited for it have gone. */
export class Loading<T> {
  readonly result: Promise<T>;
  /** The key has changed since the read began, so that whoever comes now needs a newer one. */
  overtaken = false;
  #waiting = 0;
  #settled = false;
  readonly #givingUp: AbortController | undefined;

  /**
   * Begins the read for whoever has that signal. `load` gets another one, which aborts when everybody has gone; none where
   * the first to wait has none, and so never goes.
   */
  constructor(load: (signal: AbortSignal | undefined) => Promise<T>, first: AbortSignal | undefined) {
    this.#givingUp = first && new AbortController();
    this.result = load(this.#givingUp?.signal);
    const settle = () => {
      this.#settled = true;
    };
    this.result.then(settle, settle);
  }

  /** Whether who comes now may have what this read gives. */
  get isOpen(): boolean {
    return !this.overtaken && this.#givingUp?.signal.aborted !== true;
  }

  /** Waits until the signal aborts. */
  wait(signal: AbortSignal | undefined): Promise<T> {
    this.#waiting += 1;
    return signal === undefined ? this.result : this.#waitUnless(signal);
  }

  async #waitUnless(signal: AbortSignal): Promise<T> {
    try {
      return await abortable(this.result, signal);
    } finally {
      this.#waiting -= 1;
      if (this.#waiting === 0 && !this.#settled) this.#givingUp?.abort();
    }
  }
}

/**
 * Reads under way, so that many who want one key share one. Nobody joins a read whose key has changed since it began, or
 * that was given up.
 */
export class Loadings<T> {
  readonly #running = new Map<string, Loading<T>>();

  /** Gives the read that a newcomer may join, if there is one. */
  find(key: string): Loading<T> | undefined {
    const running = this.#running.get(key);
    return running?.isOpen === true ? running : undefined;
  }

  /** Lets others join a read that has just begun, in the place of one that nobody may join. */
  add(key: string, started: Loading<T>): void {
    this.#running.set(key, started);
    const forget = () => {
      if (this.#running.get(key) === started) this.#running.delete(key);
    };
    started.result.then(forget, forget);
  }

  /** Notes that a key has changed. */
  overtake(key: string): void {
    const running = this.#running.get(key);
    if (running !== undefined) running.overtaken = true;
  }

  /** Notes that any key may have changed. */
  overtakeAll(): void {
    for (const running of this.#running.values()) running.overtaken = true;
  }
}
