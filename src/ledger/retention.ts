import type { Entry } from '../store/entry.js';
import type { Store } from '../store/store.js';
import { ENTRIES_PER_READ } from './limits.js';
import { type Log, positionAfter, TAIL_TRUST_MS } from './log.js';
import type { LedgerClock, LedgerLogger } from './surroundings.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** What history goes. The state never goes, and neither does the newest entry. */
export interface RetentionPolicy {
  /** Entries older than this go, once every registered follower is past them. */
  readonly ageMs: number;
  /** If more commits than this are kept, the oldest go as if they were too old. Default: any number is kept. */
  readonly commitsMax?: number;
  /** Entries older than this go whether registered followers are past them or not. */
  readonly hardAgeMs: number;
}

export const DEFAULT_RETENTION: RetentionPolicy = { ageMs: 7 * DAY_MS, hardAgeMs: 30 * DAY_MS };

/** How long requests are remembered: a day at least, and an hour in case clocks of different machines differ. */
export const REQUEST_MEMORY_MS = DAY_MS + HOUR_MS;

/** How long a lease is kept after it expired, for whoever comes late to find out what became of it. */
const LEASE_MEMORY_MS = HOUR_MS;

/**
 * How long an entry was seen to be applied before it may go, whatever the policy says. It is several times what a
 * process trusts its own view of the log for, so that one which was frozen finds the place it knew of taken, or the
 * floor above it. It is measured by this process, because clocks of different machines differ.
 */
export const RETENTION_HOLD_MS = 4 * TAIL_TRUST_MS;

const INTERVAL_MS = MINUTE_MS;

export interface RetentionOptions {
  readonly store: Store;
  readonly log: Pick<Log, 'position'>;
  readonly clock: LedgerClock;
  readonly policy: RetentionPolicy;
}

export interface Retention {
  /** Drops what may go now. Any number of processes may do so at once. */
  run(): Promise<void>;
}

/** Makes the step that retention repeats. It needs several, RETENTION_HOLD_MS apart, before anything goes. */
export function createRetention({ store, log, clock, policy }: RetentionOptions): Retention {
  const sightings: Sighting[] = [];
  return {
    run: async () => {
      const applied = await store.readApplied();
      sightings.push({ revision: applied.revision, at: clock.atLeast() });
      const held = heldLongEnough(sightings, clock.atLeast() - RETENTION_HOLD_MS);
      await store.dropRequests(clock.now() - REQUEST_MEMORY_MS);
      await store.dropLeases(clock.now() - LEASE_MEMORY_MS);
      const slowest = Math.min(Infinity, ...(await store.readFollowers()).map(({ revision }) => revision));
      const newest = log.position().revision;
      const mayGo = (entry: Entry) =>
        entry.last < newest && entry.last <= held && isOverdue(entry, { policy, now: clock.now(), newest, slowest });
      await dropWhile(store, mayGo);
    },
  };
}

export interface RetentionLoopOptions extends Omit<RetentionOptions, 'log'> {
  readonly log: Log;
  readonly logger: LedgerLogger;
}

/** Runs retention in the background, every minute. */
export function startRetention({ logger, ...options }: RetentionLoopOptions): { stop(): Promise<void> } {
  const retention = createRetention(options);
  let running: Promise<void> | undefined;
  const timer = setInterval(() => {
    running ??= retention
      .run()
      .catch((err: unknown) => logger.warn({ err }, 'retention failed'))
      .finally(() => {
        running = undefined;
      });
  }, INTERVAL_MS).unref();
  return {
    stop: async () => {
      clearInterval(timer);
      await running;
    },
  };
}

/** How far the state was applied, as this process saw it at a moment of the clock `atLeast`. */
interface Sighting {
  readonly revision: number;
  readonly at: number;
}

/** The newest revision that was seen by `by`; forgets what was seen before it. */
function heldLongEnough(sightings: Sighting[], by: number): number {
  const newest = sightings.findLastIndex(({ at }) => at <= by);
  if (newest > 0) sightings.splice(0, newest);
  return newest < 0 ? 0 : (sightings[0]?.revision ?? 0);
}

interface Circumstances {
  readonly policy: RetentionPolicy;
  readonly now: number;
  readonly newest: number;
  /** Where the slowest registered follower is. */
  readonly slowest: number;
}

function isOverdue(entry: Entry, { policy, now, newest, slowest }: Circumstances): boolean {
  const { ageMs, commitsMax = Infinity, hardAgeMs } = policy;
  if (entry.time < now - hardAgeMs) return true;
  const unwanted = entry.time < now - ageMs || entry.last <= newest - commitsMax;
  return unwanted && entry.last <= slowest;
}

async function dropWhile(store: Store, mayGo: (entry: Entry) => boolean): Promise<void> {
  for (;;) {
    const floor = await store.readFloor();
    const entries = await store.readEntries(floor.revision, ENTRIES_PER_READ);
    const kept = entries.findIndex((entry) => !mayGo(entry));
    const last = entries[kept < 0 ? entries.length - 1 : kept - 1];
    if (!last) return;
    await store.dropEntries(positionAfter(last));
    await store.dropTombstones(last.last);
    if (kept >= 0) return;
  }
}
