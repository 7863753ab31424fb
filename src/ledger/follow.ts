import { type Commit, decodeCommits } from '../store/entry.js';
import type { Store } from '../store/store.js';
import { checkRevision } from './check-revision.js';
import { FutureRevisionError, LedgerClosedError, LedgerCorruptError, RevisionOutOfRangeError } from './errors.js';
import { ENTRIES_PER_READ } from './limits.js';
import type { Log } from './log.js';
import type { Recent } from './recent.js';

const CHECKPOINT_INTERVAL_MS = 5_000;

export interface FollowOptions {
  /** The last revision that is known already; 0 to begin with the first commit. */
  readonly after: number;
  /** Ends the iteration: it then throws the reason of the signal. */
  readonly signal?: AbortSignal | undefined;
  /** How long nothing may come before a checkpoint does. Default 5000. */
  readonly checkpointIntervalMs?: number;
}

export type FollowEvent =
  | { readonly kind: 'commit'; readonly commit: Commit }
  /** Every commit up to here was told. Resuming behind it misses nothing. */
  | { readonly kind: 'checkpoint'; readonly revision: number };

export interface Follows {
  follow(options: FollowOptions): AsyncIterable<FollowEvent>;
  /** Ends all iterations with LedgerClosedError. */
  close(): void;
}

/**
 * Tells every commit in order, whole, once. Nothing is read ahead of the consumer, so a slow one costs no memory; one
 * that is slower than retention gets RevisionOutOfRangeError.
 */
export function createFollows(store: Store, log: Log, recent: Recent): Follows {
  const waiting = new Set<() => void>();
  let closed = false;
  const wakeAll = () => {
    for (const wake of waiting) wake();
  };
  const unobserve = log.observe({ commits: wakeAll, reset: wakeAll });

  async function* follow({ after, signal, checkpointIntervalMs = CHECKPOINT_INTERVAL_MS }: FollowOptions) {
    await checkStart(store, log, after);
    let revision = after;
    for (;;) {
      signal?.throwIfAborted();
      if (closed) throw new LedgerClosedError();
      for (const commit of await nextCommits(store, log, recent, revision)) {
        yield { kind: 'commit', commit } as const;
        signal?.throwIfAborted();
        revision = commit.revision;
      }
      if (revision < log.position().revision || closed) continue;
      const woken = await waitForWake(waiting, { timeoutMs: checkpointIntervalMs, signal });
      if (!woken && revision === log.position().revision) yield { kind: 'checkpoint', revision } as const;
    }
  }

  return {
    follow,
    close: () => {
      closed = true;
      unobserve();
      wakeAll();
    },
  };
}

async function checkStart(store: Store, log: Log, after: number): Promise<void> {
  checkRevision(after);
  if (after > log.position().revision) await log.catchUp();
  const newest = log.position().revision;
  if (after > newest) throw new FutureRevisionError(after, newest);
  const floor = await store.readFloor();
  if (after < floor.revision) throw new RevisionOutOfRangeError(after, floor.revision);
}

async function nextCommits(store: Store, log: Log, recent: Recent, after: number): Promise<readonly Commit[]> {
  const { revision: newest } = log.position();
  if (after >= newest) return [];
  return recent.after(after) ?? readCommits(store, after, newest);
}

async function readCommits(store: Store, after: number, newest: number): Promise<readonly Commit[]> {
  const entries = await store.readEntries(after, ENTRIES_PER_READ);
  const commits = entries.flatMap(decodeCommits).filter(({ revision }) => revision > after && revision <= newest);
  if (commits[0]?.revision === after + 1) return commits;
  const floor = await store.readFloor();
  if (floor.revision > after) throw new RevisionOutOfRangeError(after, floor.revision);
  throw new LedgerCorruptError(`Cannot read the log behind revision ${after}: the entry behind it is missing`);
}

interface WaitOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** Waits for a call of what it puts into `waiting`; false when the time is over first. An abort counts as a call. */
function waitForWake(waiting: Set<() => void>, { timeoutMs, signal }: WaitOptions): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (woken: boolean) => {
      clearTimeout(timer);
      waiting.delete(wake);
      signal?.removeEventListener('abort', wake);
      resolve(woken);
    };
    const wake = () => end(true);
    const timer = setTimeout(end, timeoutMs, false);
    waiting.add(wake);
    signal?.addEventListener('abort', wake, { once: true });
    if (signal?.aborted) wake();
  });
}
