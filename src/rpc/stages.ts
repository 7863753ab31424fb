/** Where the time of a call goes, in the order in which a call gets there. */
export type Stage = 'identity' | 'request' | 'handler' | 'answer';

/** Keeps how long a call has been in each stage. */
export class Stages {
  readonly #spentMs = new Map<Stage, number>();
  #current: Stage = 'identity';
  #sinceMs = performance.now();

  /** The time in a stage ends with the beginning of the next. Entering the same again changes nothing. */
  enter(stage: Stage): void {
    if (stage === this.#current) return;
    this.#settle();
    this.#current = stage;
  }

  /** Writes the stages that took time: `identity 2 ms, handler 48 ms`. */
  describe(): string {
    this.#settle();
    const parts = [...this.#spentMs].map(([stage, ms]) => `${stage} ${Math.round(ms)} ms`);
    return parts.join(', ');
  }

  #settle(): void {
    const nowMs = performance.now();
    this.#spentMs.set(this.#current, (this.#spentMs.get(this.#current) ?? 0) + nowMs - this.#sinceMs);
    this.#sinceMs = nowMs;
  }
}
