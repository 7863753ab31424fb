import { StatusError } from '../../rpc/status.js';
import { HttpFailure } from './http-failure.js';

/**
 * The request of a call that is read once the call is admitted: whoever may not call costs no reading. What HTTP has a
 * status of its own for, which the call path knows nothing of, is kept meanwhile.
 */
export class LateRequest {
  /** Resolves when the request has been read, or cannot be. Never, where the call was not admitted. */
  readonly received: Promise<void>;
  /** Reads the request. */
  readonly read: () => Promise<Uint8Array>;
  #failure: HttpFailure | undefined;

  constructor(read: () => Promise<Uint8Array>) {
    let settle: (() => void) | undefined;
    this.received = new Promise((resolve) => {
      settle = resolve;
    });
    this.read = async () => {
      try {
        return await read();
      } catch (err) {
        if (!(err instanceof HttpFailure)) throw err;
        this.#failure = err;
        throw err.failure;
      } finally {
        settle?.();
      }
    };
  }

  /** Gives what the caller is told about a call that has failed: its status, or the one that HTTP has for it. */
  explain(err: unknown): unknown {
    if (this.#failure === undefined || !(err instanceof StatusError)) return err;
    return new HttpFailure(this.#failure.httpStatus, err, this.#failure.headers);
  }
}
