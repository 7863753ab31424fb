import { ServiceError } from './errors.js';

/** The longest time that a Node timer can hold; a longer one fires at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** How far the clock of a caller, which counts from before the call was sent, may be ahead of ours. */
const PEER_CLOCK_AHEAD_MS = 20;

/** What is still waited for when a call has ended well. One for all calls: an error of its own would cost each a stack. */
const CALL_HAS_ENDED = new ServiceError('CALL_CANCELLED', 'Call has ended');

/**
 * How long a call lives: until it is closed, its caller goes, its deadline passes or the server ends it.
 * Whoever opens one closes it, which releases the timer and the link to the caller.
 */
export class CallLifetime {
  readonly #controller = new AbortController();
  readonly #waiting = new Set<(reason: unknown) => void>();
  readonly #peer: AbortSignal;
  readonly #deadline: number;
  readonly #onEnd: (reason: ServiceError) => void;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** `timeoutMs` may be Infinity. `onEnd` hears of the end, unless close() came first. */
  constructor(peer: AbortSignal, timeoutMs: number, onEnd: (reason: ServiceError) => void) {
    this.#peer = peer;
    this.#onEnd = onEnd;
    this.#deadline = performance.now() + timeoutMs;
    // No AbortSignal.any(): a combined signal can outlive the call by staying linked to its sources.
    peer.addEventListener('abort', this.#onPeerGone, { once: true });
    // Not at once: whoever makes a lifetime must hold it before it ends.
    if (peer.aborted) queueMicrotask(this.#onPeerGone);
    else this.#armTimer();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  remainingMs(): number {
    return Math.max(0, this.#deadline - performance.now());
  }

  /** Ends the call with that failure. The first reason wins. */
  end(reason: ServiceError): void {
    if (this.signal.aborted) return;
    this.#controller.abort(reason);
    for (const reject of this.#waiting) reject(reason);
    this.#waiting.clear();
    if (!this.#closed) this.#onEnd(reason);
  }

  /** Settles as the promise does, or rejects when the call ends first; what the promise does then is ignored. */
  race<T>(promise: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.signal.aborted) reject(this.signal.reason as Error);
      else this.#waiting.add(reject);
      promise.then(
        (value) => {
          this.#waiting.delete(reject);
          resolve(value);
        },
        (err: unknown) => {
          this.#waiting.delete(reject);
          reject(err);
        },
      );
    });
  }

  /** Releases everything, and ends what still runs on the signal. */
  close(): void {
    this.#closed = true;
    this.end(CALL_HAS_ENDED);
    clearTimeout(this.#timer);
    this.#peer.removeEventListener('abort', this.#onPeerGone);
  }

  readonly #onPeerGone = (): void => {
    // A caller that goes when its time is up has not changed its mind: its clock was a moment ahead.
    if (this.remainingMs() < PEER_CLOCK_AHEAD_MS) this.end(tooLate());
    else this.end(new ServiceError('CALL_CANCELLED', 'Call was cancelled by the caller'));
  };

  #armTimer(): void {
    const remainingMs = this.remainingMs();
    if (remainingMs === Infinity) return;
    if (remainingMs > TIMER_MS_MAX) this.#timer = setTimeout(() => this.#armTimer(), TIMER_MS_MAX);
    else this.#timer = setTimeout(() => this.#onDeadline(), remainingMs);
    this.#timer.unref();
  }

  #onDeadline(): void {
    // Timers may fire up to a millisecond early.
    if (this.remainingMs() > 1) this.#armTimer();
    else this.end(tooLate());
  }
}

function tooLate(): ServiceError {
  return new ServiceError('DEADLINE_EXCEEDED', 'Deadline passed before the call ended');
}
