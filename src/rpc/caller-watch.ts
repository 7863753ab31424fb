/** Tells when a caller has gone: an AbortSignal does, and so does what costs a call less. */
export interface CallerSignal {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** A signal of one call for the one that listens to it: an AbortSignal would cost more than most calls do. */
export class CallerWatch implements CallerSignal {
  aborted = false;
  #listener: (() => void) | undefined;

  /** Says that the caller has gone. Only the first time counts. */
  abort(): void {
    if (this.aborted) return;
    this.aborted = true;
    this.#listener?.();
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    if (this.#listener !== undefined) throw new Error('Somebody listens already');
    this.#listener = listener;
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    if (this.#listener === listener) this.#listener = undefined;
  }
}
