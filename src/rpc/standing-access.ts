import { ServiceError } from './errors.js';
import type { CallLifetime } from './lifetime.js';

/** How often it is asked whether the caller of an open stream may still have it. */
const STANDING_MS = 1000;

interface Standing {
  readonly lifetime: CallLifetime;
  readonly judge: () => Promise<void>;
  isJudging: boolean;
}

/**
 * Holds open streams to what their callers may do now: one whose token has ended, or whose permission was taken away, ends as
 * it would be refused. Streams may stay open for days, and nothing else of a call does.
 */
export class StandingAccess {
  readonly #everyMs: number;
  readonly #streams = new Set<Standing>();
  #timer: NodeJS.Timeout | undefined;

  constructor(everyMs = STANDING_MS) {
    this.#everyMs = everyMs;
  }

  /** Judges the stream again and again until it ends. `judge` throws what its caller is to be told. */
  watch(lifetime: CallLifetime, judge: () => Promise<void>): void {
    const standing = { lifetime, judge, isJudging: false };
    this.#streams.add(standing);
    this.#timer ??= setInterval(() => this.#judgeAll(), this.#everyMs).unref();
    lifetime.whenEnded(() => this.#forget(standing));
  }

  #forget(standing: Standing): void {
    this.#streams.delete(standing);
    if (this.#streams.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #judgeAll(): void {
    for (const standing of this.#streams) if (!standing.isJudging) void this.#judge(standing);
  }

  async #judge(standing: Standing): Promise<void> {
    standing.isJudging = true;
    try {
      await standing.judge();
    } catch (err) {
      // While nobody can tell what the caller may do, a stream goes on as it was let in.
      if (err instanceof ServiceError && REFUSALS.has(err.reason)) standing.lifetime.end(err);
    } finally {
      standing.isJudging = false;
    }
  }
}

const REFUSALS: ReadonlySet<string> = new Set(['TOKEN_MISSING', 'TOKEN_INVALID', 'PERMISSION_DENIED']);
