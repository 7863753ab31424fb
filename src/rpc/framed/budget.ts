const MS_PER_SECOND = 1000;

/** How much of what costs us more than its sender a peer may do: so much at once, and then so much each second. */
export class Budget {
  readonly #max: number;
  readonly #perSecond: number;
  #left: number;
  #sinceMs = performance.now();

  constructor({ max, perSecond }: { readonly max: number; readonly perSecond: number }) {
    this.#max = max;
    this.#perSecond = perSecond;
    this.#left = max;
  }

  /** Takes one, or tells that none is left. */
  take(): boolean {
    const nowMs = performance.now();
    const earned = ((nowMs - this.#sinceMs) / MS_PER_SECOND) * this.#perSecond;
    this.#left = Math.min(this.#max, this.#left + earned) - 1;
    this.#sinceMs = nowMs;
    return this.#left >= 0;
  }

  /** Forgets what was taken. */
  refill(): void {
    this.#left = this.#max;
  }
}
