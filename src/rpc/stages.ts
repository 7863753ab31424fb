/** Where the time of a call goes, in the order in which a call gets there. */
const STAGES = ['identity', 'request', 'handler', 'answer'] as const;

export type Stage = (typeof STAGES)[number];

/** Keeps how long a call has been in each stage. */
export class Stages {
  // Numbers in fields of their own: every call has these, and hardly any is ever asked for them.
  private identity = 0;
  private request = 0;
  private handler = 0;
  private answer = 0;
  private current: Stage = 'identity';
  private sinceMs = performance.now();

  /** The time in a stage ends with the beginning of the next. Entering the same again changes nothing. */
  enter(stage: Stage): void {
    if (stage === this.current) return;
    this.settle();
    this.current = stage;
  }

  /** Writes the stages that took time: `identity 2 ms, handler 48 ms`. */
  describe(): string {
    this.settle();
    const parts = STAGES.filter((stage) => this[stage] > 0).map((stage) => `${stage} ${Math.round(this[stage])} ms`);
    return parts.join(', ');
  }

  private settle(): void {
    const nowMs = performance.now();
    this[this.current] += nowMs - this.sinceMs;
    this.sinceMs = nowMs;
  }
}
