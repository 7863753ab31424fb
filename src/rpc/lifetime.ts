import type { CallerSignal } from './caller-watch.js';
import { ServiceError } from './errors.js';

/** The longest time that a Node timer can hold; a longer one fires at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** How far the clock of a caller, which counts from before the call was sent, may be ahead of ours. */
const PEER_CLOCK_AHEAD_MS = 20;

/** What is still waited for when a call has ended well. One for all calls: an error of its own would cost each a stack. */
const CALL_HAS_ENDED = new ServiceError('CALL_CANCELLED', 'Call has ended');

type EndListener = (reason: ServiceError) => void;

/**
 * How long a call lives: until it is closed, its caller goes, its deadline passes or the server ends it.
 * Whoever opens one closes it, which releases the timer and the link to the caller.
 */
export class CallLifetime {
  readonly #caller: CallerSignal;
  readonly #deadline: number;
  readonly #onEnd: EndListener;
  #controller: AbortController | undefined;
  // One waits for most calls, and needs no set of its own.
  #first: EndListener | undefined;
  #others: Set<EndListener> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #ended: ServiceError | undefined;
  #closed = false;

  /** `timeoutMs` may be Infinity. `onEnd` hears of the end, unless close() came first. */
  constructor(caller: CallerSignal, timeoutMs: number, onEnd: EndListener) {
    this.#caller = caller;
    this.#onEnd = onEnd;
    this.#deadline = performance.now() + timeoutMs;
    // No AbortSignal.any(): a combined signal can outlive the call by staying linked to its sources.
    caller.addEventListener('abort', this.#onCallerGone, { once: true });
    // Not at once: whoever makes a lifetime must hold it before it ends.
    if (caller.aborted) queueMicrotask(this.#onCallerGone);
    else this.#armTimer(timeoutMs);
  }

  /** Aborts when the call ends. It is made when somebody asks for it: it costs as much as a small call. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#ended !== undefined) this.#controller.abort(this.#ended);
    }
    return this.#controller.signal;
  }

  remainingMs(): number {
    return Math.max(0, this.#deadline - performance.now());
  }

  /** Throws when the call has ended, or its caller has gone. */
  assertOpen(): void {
    if (this.#caller.aborted) this.#onCallerGone();
    if (this.#ended !== undefined) throw this.#ended;
  }

  /** Ends the call with that failure. The first reason wins. */
  end(reason: ServiceError): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    this.#controller?.abort(reason);
    const first = this.#first;
    const others = this.#others;
    this.#first = undefined;
    this.#others = undefined;
    first?.(reason);
    if (others !== undefined) for (const listener of others) listener(reason);
    if (!this.#closed) this.#onEnd(reason);
  }

  /** Calls back when the call ends, unless the function that this gives is called before. */
  whenEnded(listener: EndListener): () => void {
    if (this.#ended !== undefined) {
      listener(this.#ended);
      return () => undefined;
    }
    if (this.#first === undefined) this.#first = listener;
    else (this.#others ??= new Set()).add(listener);
    return () => {
      if (this.#first === listener) this.#first = undefined;
      else this.#others?.delete(listener);
    };
  }

  /** Settles as the promise does, or rejects when the call ends first; what the promise does then is ignored. */
  race<T>(promise: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const release = this.whenEnded(reject);
      promise.then(
        (value) => {
          release();
          resolve(value);
        },
        (err: unknown) => {
          release();
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
    this.#caller.removeEventListener('abort', this.#onCallerGone);
  }

  readonly #onCallerGone = (): void => {
    // A caller that goes when its time is up has not changed its mind: its clock was a moment ahead.
    if (this.remainingMs() < PEER_CLOCK_AHEAD_MS) this.end(tooLate());
    else this.end(new ServiceError('CALL_CANCELLED', 'Call was cancelled by the caller'));
  };

  #armTimer(remainingMs: number): void {
    if (remainingMs === Infinity) return;
    if (remainingMs > TIMER_MS_MAX) this.#timer = setTimeout(() => this.#armTimer(this.remainingMs()), TIMER_MS_MAX);
    else this.#timer = setTimeout(() => this.#onDeadline(), remainingMs);
    this.#timer.unref();
  }

  #onDeadline(): void {
    // Timers may fire up to a millisecond early.
    const remainingMs = this.remainingMs();
    if (remainingMs > 1) this.#armTimer(remainingMs);
    else this.end(tooLate());
  }
}

function tooLate(): ServiceError {
  return new ServiceError('DEADLINE_EXCEEDED', 'Deadline passed before the call ended');
}
