/** How long a call is remembered. */
export const SLOW_CALL_MS_MAX = 5 * 60 * 1000;
export const SLOW_CALLS_MAX = 20;

/** A call that took long, for those who look for it in the log. */
export interface SlowCall {
  readonly service: string;
  readonly method: string;
  readonly protocol: string;
  readonly code: string;
  readonly durationMs: number;
  readonly requestId: string;
  /** When it ended, in milliseconds since 1970. */
  readonly endTime: number;
}

/** The calls that took longest lately. A call that is faster than all of them costs one comparison. */
export class SlowCalls {
  #calls: SlowCall[] = [];

  note(call: Omit<SlowCall, 'endTime'>): void {
    const fastest = this.#calls.at(-1);
    if (fastest !== undefined && this.#calls.length >= SLOW_CALLS_MAX && call.durationMs <= fastest.durationMs) return;
    const endTime = Date.now();
    const { service, method, protocol, code, durationMs, requestId } = call;
    const noted = { service, method, protocol, code, durationMs, requestId, endTime };
    this.#calls = slowestOf([...this.#calls, noted], endTime);
  }

  /** The slowest first. */
  list(): readonly SlowCall[] {
    this.#calls = slowestOf(this.#calls, Date.now());
    return this.#calls;
  }
}

/** The slowest of calls of several processes, without those that have ended too long ago. */
export function slowestOf(calls: readonly SlowCall[], now: number): SlowCall[] {
  return calls
    .filter(({ endTime }) => now - endTime < SLOW_CALL_MS_MAX)
    .sort((a, b) => b.durationMs - a.durationMs)
    .slice(0, SLOW_CALLS_MAX);
}
