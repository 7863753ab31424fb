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

  private working = 0;
  private workingSinceMs = 0;
  private storeMs = 0;
  private hasWorked = false;

  /** Counts the time in which something is asked of the ledger, the database or the cache for the call. Gives its end. */
  beginWork(): () => void {
    this.hasWorked = true;
    if (this.working === 0) this.workingSinceMs = performance.now();
    this.working += 1;
    return () => {
      this.working -= 1;
      if (this.working === 0) this.storeMs += performance.now() - this.workingSinceMs;
    };
  }

  /** The time in a stage ends with the beginning of the next. Entering the same again changes nothing. */
  enter(stage: Stage): void {
    if (stage === this.current) return;
    this.settle();
    this.current = stage;
  }

  /** Writes the stages that took time: `identity 2 ms, handler 48 ms`. */
  describe(): string {
    this.settle();
    const spent = STAGES.filter((stage) => this[stage] > 0).map((stage) => `${stage} ${Math.round(this[stage])} ms`);
    const parts = spent.join(', ');
    if (!this.hasWorked) return parts;
    const runningMs = this.working > 0 ? performance.now() - this.workingSinceMs : 0;
    return `${parts}, of these store ${Math.round(this.storeMs + runningMs)} ms`;
  }

  private settle(): void {
    const nowMs = performance.now();
    this[this.current] += nowMs - this.sinceMs;
    this.sinceMs = nowMs;
  }
}
