import type { Awaitable } from '../../async/awaitable.js';
import { StatusError } from '../../rpc/status.js';
import { HttpFailure } from './http-failure.js';

/**
 * The request of a call that is read once the call is admitted: whoever may not call costs no reading. What HTTP has a
 * status of its own for, which the call path knows nothing of, is kept meanwhile.
 */
export class LateRequest {
  readonly #read: () => Awaitable<Uint8Array>;
  #failure: HttpFailure | undefined;
  #isReceived = false;
  #onReceived: (() => void) | undefined;

  constructor(read: () => Awaitable<Uint8Array>) {
    this.#read = read;
  }

  /** Resolves when the request has been read, or cannot be. Never, where the call was not admitted. */
  received(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#isReceived) resolve();
      else this.#onReceived = resolve;
    });
  }

  /** Reads the request. */
  readonly read = (): Awaitable<Uint8Array> => {
    try {
      const request = this.#read();
      if (request instanceof Promise) return this.#wait(request);
      this.#settle();
      return request;
    } catch (err) {
      throw this.#fail(err);
    }
  };

  /** Gives what the caller is told about a call that has failed: its status, or the one that HTTP has for it. */
  explain(err: unknown): unknown {
    if (this.#failure === undefined || !(err instanceof StatusError)) return err;
    return new HttpFailure(this.#failure.httpStatus, err, this.#failure.headers);
  }

  async #wait(reading: Promise<Uint8Array>): Promise<Uint8Array> {
    try {
      const request = await reading;
      this.#settle();
      return request;
    } catch (err) {
      throw this.#fail(err);
    }
  }

  #fail(err: unknown): unknown {
    this.#settle();
    if (!(err instanceof HttpFailure)) return err;
    this.#failure = err;
    return err.failure;
  }

  #settle(): void {
    this.#isReceived = true;
    this.#onReceived?.();
  }
}
