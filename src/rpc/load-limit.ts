import type { Method } from './method-table.js';

/** However late the process is, this many calls may run: fewer would be no work at all. */
const CALLS_MIN = 32;
/** What is kept of the calls that run when there is too much, and what is added while there is not (as TCP does). */
const DECREASE = 0.7;
const INCREASE = 1.1;
/** How much a call counts in what calls of its method take while few run. */
const SMOOTHING = 0.1;
const TICK_MS = 50;

export interface LoadLimitOptions {
  /** How late the process, or its calls, may be before it takes on less. */
  readonly latenessMsMax: number;
  /** What it takes on while it is not late. */
  readonly callsMax: number;
}

/**
 * How many unary calls may run at one moment, so that those that are taken are done in time. Three things say that there
 * is too much: one turn of the event loop that only takes on calls, timers that fire late, which is work that waits for
 * this thread, and calls that take longer than they do while few run, which is work that waits elsewhere. The last is
 * judged for each method by itself: a slow one does not shut out the others.
 */
export class LoadLimit {
  readonly #options: LoadLimitOptions;
  readonly #all: AdaptiveLimit;
  readonly #methods = new Map<Method, MethodLoad>();
  #turn: { readonly sinceMs: number; begun: number } | undefined;

  constructor(options: LoadLimitOptions) {
    this.#options = options;
    this.#all = new AdaptiveLimit(options.callsMax);
  }

  /** Tells whether one more call of the method may run. */
  hasRoomFor(method: Method): boolean {
    return this.#all.hasRoom && (this.#methods.get(method)?.limit.hasRoom ?? true) && this.#isInTurn();
  }

  /** Takes in that a call begins. What it gives is called when the call has ended, with whether it was for want of time. */
  begin(method: Method): (end: { readonly isTelling: boolean }) => void {
    const load = this.#loadOf(method);
    this.#all.running += 1;
    if (this.#turn !== undefined) this.#turn.begun += 1;
    load.limit.running += 1;
    const begun = { ms: performance.now(), running: load.limit.running };
    return ({ isTelling }) => {
      if (isTelling) load.take(begun, performance.now());
      this.#all.running -= 1;
      load.limit.running -= 1;
    };
  }

  /** Takes in how late the process has just been. */
  observe(latenessMs: number): void {
    this.#all.step(latenessMs > this.#options.latenessMsMax);
    for (const load of this.#methods.values()) load.step(performance.now());
  }

  /**
   * Handlers that never wait are done before the next call is looked at: however many came at once, none of them seems to
   * run. So they are counted by the time that they take together before the process gets to anything else.
   */
  #isInTurn(): boolean {
    if (this.#turn === undefined) {
      this.#turn = { sinceMs: performance.now(), begun: 0 };
      setImmediate(() => {
        this.#turn = undefined;
      });
    }
    return this.#turn.begun < CALLS_MIN || performance.now() - this.#turn.sinceMs <= this.#options.latenessMsMax;
  }

  #loadOf(method: Method): MethodLoad {
    let load = this.#methods.get(method);
    if (load === undefined) {
      load = new MethodLoad(this.#options);
      this.#methods.set(method, load);
    }
    return load;
  }
}

/** Counts what runs, and moves the most that may. */
class AdaptiveLimit {
  running = 0;
  readonly #callsMax: number;
  #current: number;

  constructor(callsMax: number) {
    this.#callsMax = callsMax;
    this.#current = callsMax;
  }

  get hasRoom(): boolean {
    return this.running < this.#current;
  }

  step(isTooMuch: boolean): void {
    if (isTooMuch) this.#current = Math.max(CALLS_MIN, Math.floor(Math.min(this.#current, this.running) * DECREASE));
    else this.#current = Math.ceil(this.#current * INCREASE);
    this.#current = Math.min(this.#callsMax, this.#current);
  }
}

/** How long the calls of one method take, beside what they take while few of them run. */
class MethodLoad {
  readonly limit: AdaptiveLimit;
  readonly #latenessMsMax: number;
  #quietMs: number | undefined;
  #tookMs = 0;
  #allowedMs = 0;
  #sinceMs = 0;

  constructor({ latenessMsMax, callsMax }: LoadLimitOptions) {
    this.#latenessMsMax = latenessMsMax;
    this.limit = new AdaptiveLimit(callsMax);
  }

  /** Takes in what a call took that had so many beside it when it began. */
  take(begun: { readonly ms: number; readonly running: number }, nowMs: number): void {
    const tookMs = nowMs - begun.ms;
    const quietMs = (this.#quietMs ??= tookMs);
    // What many take together is not what one takes; where even few take long, it is not for their number.
    const isQuiet = Math.max(begun.running, this.limit.running) <= CALLS_MIN;
    if (isQuiet || tookMs < quietMs) this.#quietMs = quietMs + SMOOTHING * (tookMs - quietMs);
    // A call from before the limit was lowered tells nothing about the lower limit.
    if (begun.ms < this.#sinceMs) return;
    this.#tookMs += tookMs;
    this.#allowedMs += quietMs + Math.max(quietMs, this.#latenessMsMax);
  }

  step(nowMs: number): void {
    const isTooMuch = this.#tookMs > this.#allowedMs;
    // While nothing ends, nothing is known.
    if (this.#allowedMs === 0 && this.limit.running > 0) return;
    if (isTooMuch) this.#sinceMs = nowMs;
    this.limit.step(isTooMuch);
    this.#tookMs = 0;
    this.#allowedMs = 0;
  }
}

/** Measures how late this process is by how late a timer fires, for as long as it is not closed. */
export function watchLoad(limit: Pick<LoadLimit, 'observe'>): { close(): void } {
  let dueMs = performance.now() + TICK_MS;
  const timer = setInterval(() => {
    const nowMs = performance.now();
    limit.observe(Math.max(0, nowMs - dueMs));
    dueMs = nowMs + TICK_MS;
  }, TICK_MS).unref();
  return { close: () => clearInterval(timer) };
}
