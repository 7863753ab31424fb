import { createHash } from 'node:crypto';
import type { Leases } from '../ledger/ledger.js';

const KIND = 'attempts';
const SWAP_ATTEMPTS_MAX = 50;

/** How often something may be tried before the next try has to wait, and how long. */
export interface AttemptPolicy {
  /** Tries that wait for nothing. */
  readonly freeMax: number;
  /** The wait after the first try above; each further one doubles it. */
  readonly delayMs: number;
  readonly delayMsMax: number;
}

/** Counts tries, for all processes together, and across restarts. */
export interface Attempts {
  /** Counts one try and gives 0; or counts nothing and gives how many milliseconds the next has to wait. */
  take(subject: string, policy: AttemptPolicy): Promise<number>;
  /** Takes back one try, as if it had not been made. */
  giveBack(subject: string, policy: AttemptPolicy): Promise<void>;
  /** Forgets the tries of a subject. */
  clear(subject: string): Promise<void>;
}

export function createAttempts({ leases, now }: { readonly leases: Leases; readonly now: () => number }): Attempts {
  return {
    take: async (subject, policy) => {
      const id = idOf(subject);
      for (let attempt = 1; attempt <= SWAP_ATTEMPTS_MAX; attempt += 1) {
        const lease = await leases.read({ kind: KIND, id });
        const nowMs = now();
        const { count = 0, untilMs = 0 } = lease !== undefined && nowMs < lease.expireTime ? lease.value : {};
        const waitMs = Number(untilMs) - nowMs;
        if (waitMs > 0) return waitMs;
        const taken = Number(count) + 1;
        const value = { count: taken, untilMs: nowMs + delayAfter(taken, policy) };
        const expireTime = nowMs + 2 * policy.delayMsMax;
        if ((await leases.swap({ kind: KIND, id, fence: lease?.fence, value, expireTime })) === 'swapped') return 0;
      }
      // So many at once are tries enough.
      return policy.delayMs;
    },
    giveBack: async (subject, policy) => {
      const id = idOf(subject);
      const lease = await leases.read({ kind: KIND, id });
      const count = Number(lease?.value['count'] ?? 0) - 1;
      if (lease === undefined || count < 0) return;
      const untilMs = count < policy.freeMax ? 0 : Number(lease.value['untilMs']);
      // Where somebody tries meanwhile, this try stays counted, which harms nobody much.
      await leases.swap({
        kind: KIND,
        id,
        fence: lease.fence,
        value: { count, untilMs },
        expireTime: lease.expireTime,
      });
    },
    clear: async (subject) => {
      const id = idOf(subject);
      const lease = await leases.read({ kind: KIND, id });
      // Where somebody tries meanwhile, the count goes on.
      if (lease) await leases.swap({ kind: KIND, id, fence: lease.fence, value: {}, expireTime: now() });
    },
  };
}

function delayAfter(count: number, { freeMax, delayMs, delayMsMax }: AttemptPolicy): number {
  return count < freeMax ? 0 : Math.min(delayMsMax, delayMs * 2 ** Math.min(count - freeMax, 30));
}

/** What is tried may be of any length, and is nobody's business. */
function idOf(subject: string): string {
  return createHash('sha256').update(subject).digest('hex');
}
