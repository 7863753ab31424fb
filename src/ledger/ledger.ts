import { setTimeout as delay } from 'node:timers/promises';
import type { Commit, CommitRequest } from '../store/entry.js';
import type { Lease, LeaseName, LeaseScan, LeaseSwap, SwapOutcome } from '../store/lease.js';
import type { IndexDeclaration } from '../store/query/query.js';
import type { StateDocument } from '../store/state.js';
import type { FollowerPosition, Store } from '../store/store.js';
import { abortable } from '../async/abortable.js';
import type { CommitInput, CommitResult } from './commit.js';
import { createCommitter } from './committer.js';
import { createFollows, type FollowEvent, type FollowOptions } from './follow.js';
import { replayOf } from './judge.js';
import { createLog, type LogObserver } from './log.js';
import { createMarks } from './marks.js';
import { startPoll } from './poll.js';
import { prepareCommit, requestRecordName } from './prepare.js';
import type { LogProgress } from './progress.js';
import { createRecent } from './recent.js';
import { createQueries, type Queries } from './query.js';
import { createReads, type Freshness, type Reads } from './reads.js';
import { DEFAULT_RETENTION, type RetentionPolicy, startRetention } from './retention.js';
import { type LedgerClock, type LedgerLogger, createSystemClock, type Wake } from './surroundings.js';
import { createTransact, type Transact } from './transact.js';

/**
 * The one way by which state changes. docs/ledger.md says what is guaranteed and how. Waiting calls end at once when
 * their signal aborts; the commit that was waited for may happen all the same.
 */
export interface Ledger extends Reads, Queries {
  readonly databaseId: string;

  /** Makes collections usable. In every process that uses them; those that are there already stay as they are. */
  declareCollections(names: readonly string[]): Promise<void>;

  /** Makes the indexes that queries of a collection may walk along. In every process that queries it. */
  declareIndexes(collection: string, indexes: readonly IndexDeclaration[]): Promise<void>;

  /**
   * Makes one atomic change and resolves when it is durable. Rejects with PreconditionFailedError, having changed
   * nothing, if a precondition does not hold in the newest state. Give the request an id to be able to repeat it.
   */
  commit(input: CommitInput, options?: { readonly signal?: AbortSignal | undefined }): Promise<CommitResult>;

  /**
   * Commits what `decide` makes of the newest state. If another commit changes what it read, it runs again. What it
   * throws is thrown on, once it is certain that it looked at one state. A request that was answered before gets the
   * first result, and `decide` does not run.
   */
  readonly transact: Transact;

  /** Tells every commit above a revision, in order, and checkpoints while nothing comes. */
  follow(options: FollowOptions): AsyncIterable<FollowEvent>;

  /** Documents beside the log, which are hot and live alone. */
  readonly leases: Leases;

  /**
   * Gives what `get` would, where nothing has to be waited for; undefined where something has. A ledger without a cache holds
   * nothing.
   */
  getHeld?(collection: string, id: string, freshness?: Freshness): HeldDocument | undefined;

  /** The last revision that this process has read. */
  revision(): number;

  /** How this process keeps up with the log, for those who watch it. */
  progress(): LogProgress;

  /** Whether a read of that freshness needs no look at the log: what this process has read of it is as new. */
  hasReached(freshness: Freshness): boolean;

  /**
   * Tells apart histories that have the same revisions: the mark of the log up to a revision, or `undefined` if this
   * process did not come by it lately. After a backup was restored, what is committed has other marks than what was lost.
   */
  markAt(revision: number): bigint | undefined;

  /** Is told of every commit in the moment this process reads it. The function that is returned ends it. */
  observe(observer: LedgerObserver): () => void;

  /** Notes durably how far a named follower has come: retention keeps what is above, up to its hard cap. */
  saveFollower(follower: FollowerPosition): Promise<void>;

  removeFollower(name: string): Promise<void>;

  /**
   * Refuses what is not under way and waits for what is, but not for long: closing the store, which is up to whoever
   * opened it, ends what a server that is away leaves hanging.
   */
  close(): Promise<void>;
}

/** A document that is held, or that there is none. */
export interface HeldDocument {
  readonly value: StateDocument | undefined;
}

/** See the same functions of the store. A wait ends when its signal aborts; the swap may happen all the same. */
export interface Leases {
  read(name: LeaseName, signal?: AbortSignal): Promise<Lease | undefined>;
  swap(swap: LeaseSwap, signal?: AbortSignal): Promise<SwapOutcome>;
  scan(scan: LeaseScan, signal?: AbortSignal): Promise<readonly Lease[]>;
}

/** Called in step with `revision()`, so that what it keeps is never behind. It must be quick and must not throw. */
export interface LedgerObserver {
  commits(commits: readonly Commit[]): void;
  /** Commits up to this revision were missed, because this process was behind what is kept. */
  reset(revision: number): void;
}

export interface LedgerOptions {
  /** Stays open when the ledger is closed; whoever opened it closes it. */
  readonly store: Store;
  readonly logger: LedgerLogger;
  readonly clock?: LedgerClock;
  /** How processes that share a store tell each other of commits at once. Without it they look every `pollIntervalMs`. */
  readonly wake?: Wake;
  /** What history is kept. Default DEFAULT_RETENTION. */
  readonly retention?: RetentionPolicy;
  /** How often a process looks for commits of others by itself. Default 500. */
  readonly pollIntervalMs?: number;
}

const POLL_INTERVAL_MS = 500;
const CLOSE_MS_MAX = 3_000;

/** Opens the ledger of a store, and first brings the state up to the log if a crash left it behind. */
export async function createLedger(options: LedgerOptions): Promise<Ledger> {
  const { store, logger, clock = createSystemClock(), wake, pollIntervalMs = POLL_INTERVAL_MS } = options;
  const start = await store.readApplied();
  const log = createLog({ store, start, clock });
  await log.catchUp();
  const recent = createRecent(log.position().revision);
  log.observe(recent);
  const marks = createMarks(log.position());
  log.observe(marks);
  const reads = createReads(store, log);
  const follows = createFollows(store, log, recent);
  const onAppended = (revision: number) => wake?.announce(revision);
  const committer = createCommitter({ store, log, clock, logger, onAppended });
  const poll = startPoll({ enabled: store.shared, log, logger, wake, intervalMs: pollIntervalMs });

  const commit = async (input: CommitInput, signal: AbortSignal | undefined) => {
    signal?.throwIfAborted();
    return committer.submit(
      prepareCommit(input, (name) => store.hasCollection(name)),
      signal,
    );
  };
  const findReplay = async (request: CommitRequest, signal: AbortSignal | undefined) => {
    const { collection, id } = requestRecordName(request);
    await abortable(log.catchUp(), signal);
    const { revision: at } = log.position();
    const [record] = (await store.getDocuments({ collection, ids: [id], at, signal })).documents;
    if (!record) return undefined;
    const verdict = replayOf(record, request);
    if (verdict.kind === 'rejected') throw verdict.error;
    return verdict.result;
  };

  const { retention: policy = DEFAULT_RETENTION } = options;
  const retention = startRetention({ store, log, clock, logger, policy });

  return {
    ...reads,
    ...createQueries(store, log),
    databaseId: store.databaseId,
    declareCollections: (names) => store.declareCollections(names),
    declareIndexes: (collection, indexes) => store.declareIndexes(collection, indexes),
    commit: (input, { signal } = {}) => commit(input, signal),
    transact: createTransact({ reads, commit, findReplay }),
    follow: (following) => follows.follow(following),
    revision: () => log.position().revision,
    hasReached: (freshness) =>
      freshness === 'any' || (freshness === 'latest' ? !store.shared : freshness <= log.position().revision),
    progress: () => log.progress(),
    markAt: (revision) => marks.at(revision),
    observe: (observer: LogObserver) => log.observe(observer),
    leases: {
      read: (name, signal) => abortable(store.readLease(name), signal),
      swap: (swap, signal) => abortable(store.swapLease(swap), signal),
      scan: (scan, signal) => abortable(store.scanLeases(scan), signal),
    },
    saveFollower: (follower) => store.saveFollower(follower),
    removeFollower: (name) => store.removeFollower(name),
    close: async () => {
      follows.close();
      const closed = Promise.all([retention.stop(), poll.stop(), committer.close()]);
      await Promise.race([closed, delay(CLOSE_MS_MAX, undefined, { ref: false })]);
    },
  };
}
