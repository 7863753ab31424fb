import { abortable } from '../async/abortable.js';
import type { Leases } from '../ledger/ledger.js';
import type { Clock } from '../rpc/context.js';

const FLUSH_INTERVAL_MS = 60_000;
/** So exactly it is known when a key was used: to tell the time for every call would cost more than to note the key. */
const STAMP_INTERVAL_MS = 1_000;
const KEPT_MS = 400 * 24 * 60 * 60 * 1000;
/** How long a stop waits for a store that does not answer. */
const LAST_FLUSH_MS_MAX = 2_000;
const KIND = 'api_key_uses';

/** Remembers when API keys were used last, without a write a call. */
export interface KeyUses {
  note(keyName: string): void;
  /**
   * Milliseconds since 1970, up to a second late, and known a minute or two later. Undefined for a key that was never used, or
   * not for over a year.
   */
  lastUse(keyName: string, signal?: AbortSignal): Promise<number | undefined>;
  /** Writes down what was noted. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface KeyUsesDeps {
  readonly leases: Leases;
  readonly clock: Clock;
  readonly onError: (err: unknown) => void;
}

export function createKeyUses({ leases, clock, onError }: KeyUsesDeps): KeyUses {
  const used = new Set<string>();
  let noted = new Map<string, number>();
  const stamp = () => {
    for (const keyName of used) noted.set(keyName, clock.now());
    used.clear();
  };
  const flush = async () => {
    stamp();
    const batch = noted;
    noted = new Map();
    for (const [id, timeMs] of batch) {
      const lease = await leases.read({ kind: KIND, id });
      if (Number(lease?.value['last_use_time_ms'] ?? 0) >= timeMs) continue;
      const value = { last_use_time_ms: timeMs };
      // Where another process was faster, its time is as good.
      await leases.swap({ kind: KIND, id, fence: lease?.fence, value, expireTime: timeMs + KEPT_MS });
    }
  };
  const timers = [
    setInterval(stamp, STAMP_INTERVAL_MS).unref(),
    setInterval(() => void flush().catch(onError), FLUSH_INTERVAL_MS).unref(),
  ];
  return {
    note: (keyName) => void used.add(keyName),
    lastUse: async (id, signal) => {
      const lease = await leases.read({ kind: KIND, id }, signal);
      return lease && Number(lease.value['last_use_time_ms']);
    },
    flush,
    close: async () => {
      for (const timer of timers) clearInterval(timer);
      await abortable(flush(), AbortSignal.timeout(LAST_FLUSH_MS_MAX)).catch(onError);
    },
  };
}
