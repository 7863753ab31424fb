import { AuditEntry } from '../../../gen/keelson/audit/v1/audit_service.js';
import { abortable } from '../../async/abortable.js';
import type { AuditEntries } from '../../repositories/audit-entries.js';
import type { AuditRecord, AuditSink } from '../../rpc/access.js';
import { toTimestamp } from '../timestamp.js';

const SECOND_MS = 1000;
const DAY_MS = 24 * 60 * 60 * SECOND_MS;
/** How long an entry is kept. */
export const AUDIT_KEPT_MS = 400 * DAY_MS;
/** Kinds of refusals that are counted apart, between two flushes. */
export const REFUSALS_MAX = 200;
/** How long a stop waits for a ledger that does not answer. */
const LAST_WRITE_MS_MAX = 2 * SECOND_MS;
const KEPT_AREAS = /^keelson\.(?:access|identity)\./;

/** An audit whose entries are in the ledger. */
export interface LedgerAudit extends AuditSink {
  /** Writes down the refusals that were counted. */
  flush(): Promise<void>;
  /** Writes down the last of them; where the ledger does not take them in time, the log does. */
  close(): Promise<void>;
}

export interface LedgerAuditDeps {
  readonly entries: Pick<AuditEntries, 'add'>;
  /** Takes what does not belong into the ledger, and what the ledger did not take. */
  readonly log: AuditSink;
  readonly onError: (err: unknown) => void;
  /** Default 2 seconds. */
  readonly lastWriteMsMax?: number;
}

interface Refusals {
  /** The first of them. */
  readonly record: AuditRecord;
  count: number;
  lastMs: number;
}

/**
 * Keeps in the ledger what changed identity or access, before it is answered, and what was refused: that is counted and
 * written down once a second, so that whoever is refused cannot make the ledger grow, nor this process, by trying often.
 */
export function createLedgerAudit({
  entries,
  log,
  onError,
  lastWriteMsMax = LAST_WRITE_MS_MAX,
}: LedgerAuditDeps): LedgerAudit {
  let refusals = new Map<string, Refusals>();
  let flushing: Promise<void> = Promise.resolve();
  const closing = new AbortController();

  const write = async (batch: readonly Refusals[]) => {
    if (batch.length === 0) return;
    try {
      await abortable(entries.add(batch.map(toEntry)), closing.signal);
    } catch (err) {
      onError(err);
      for (const { record } of batch) await log.record(record);
    }
  };
  const flush = () => {
    const batch = [...refusals.values()];
    refusals = new Map();
    flushing = flushing.then(() => write(batch));
    return flushing;
  };
  const count = (record: AuditRecord, key: string): void => {
    const known = refusals.get(key);
    if (known === undefined) {
      refusals.set(key, { record, count: 1, lastMs: record.timeMs });
      return;
    }
    known.count += 1;
    known.lastMs = Math.max(known.lastMs, record.timeMs);
  };
  const countRefusal = async (full: AuditRecord): Promise<void> => {
    const record = { ...full, requests: undefined };
    const { caller, method, resource, reason = '' } = record;
    const key = JSON.stringify([caller, method, resource, reason]);
    if (refusals.has(key) || refusals.size < REFUSALS_MAX) return count(record, key);
    // More kinds than are counted apart: those of a method are counted together, and the log tells them apart.
    count(
      { ...record, caller: '', resource: '', peer: '', requestId: '', traceId: '' },
      JSON.stringify([method, reason]),
    );
    await log.record(full);
  };

  const timer = setInterval(() => void flush(), SECOND_MS).unref();
  return {
    record: async (record) => {
      const isKept = KEPT_AREAS.test(record.method);
      if (record.code === 'PERMISSION_DENIED' || (isKept && record.code !== 'OK')) return countRefusal(record);
      if (!isKept) return log.record(record);
      await entries.add([toEntry({ record, count: 1, lastMs: record.timeMs })]);
    },
    flush,
    close: async () => {
      clearInterval(timer);
      const giveUp = setTimeout(() => closing.abort(new Error('The ledger did not answer in time')), lastWriteMsMax);
      await flush();
      clearTimeout(giveUp);
    },
  };
}

function toEntry({ record, count, lastMs }: Refusals): AuditEntry {
  const { timeMs, permission = '', reason = '', requests = [], ...same } = record;
  return AuditEntry.fromPartial({
    ...same,
    permission,
    reason,
    requests: [...requests],
    count,
    time: toTimestamp(timeMs),
    lastTime: toTimestamp(lastMs),
    expireTime: toTimestamp(lastMs + AUDIT_KEPT_MS),
  });
}
