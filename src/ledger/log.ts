import { type Commit, decodeCommits, type Entry, hashOfEntry } from '../store/entry.js';
import type { Position, Store } from '../store/store.js';
import { LedgerCorruptError } from './errors.js';
import { ENTRIES_PER_READ } from './limits.js';

/** How far this process has read the log. The state shows everything up to there. */
export interface Log {
  position(): Position;
  /**
   * A moment, on the monotonic clock, at which the position was the tail of the log. It may have been overtaken since
   * by other processes.
   */
  confirmedAt(): number;
  /** Applies entries, moves the position over them and tells the observers. Entries it is past already are skipped. */
  advance(entries: readonly Entry[], confirmedAt?: number): Promise<void>;
  /**
   * Moves the position to where the tail was at some moment after this call. Calls that wait share one query. If this
   * process is the only one that appends, the position is there already.
   */
  catchUp(): Promise<void>;
  /** Adds an observer; the function that is returned takes it away again. */
  observe(observer: LogObserver): () => void;
}

/** Is told of changes in the moment the position moves, so that it is never behind the position. Must not throw. */
export interface LogObserver {
  /** The position moved over these commits, which follow on those told before. */
  commits(commits: readonly Commit[], entry: Entry): void;
  /** The position moved over history that is no longer kept: anything may have changed up to this revision. */
  reset(revision: number): void;
}

export interface LogOptions {
  readonly store: Store;
  readonly start: Position;
  readonly monotonic: () => number;
}

export function createLog({ store, start, monotonic }: LogOptions): Log {
  const observers = new Set<LogObserver>();
  let position = start;
  // The start was read from what was applied, not from the tail.
  let confirmedAt = -Infinity;
  let advancing: Promise<void> = Promise.resolve();

  const skipDropped = async () => {
    const floor = await store.readFloor();
    if (floor.revision <= position.revision) throw corrupt(position, 'the entry behind it is missing');
    position = floor;
    for (const observer of observers) observer.reset(floor.revision);
  };
  const moveOver = async (entries: readonly Entry[]) => {
    const fresh = entries.filter((entry) => entry.first > position.revision);
    const [next] = fresh;
    if (!next) return;
    // Retention overtook this process; what is behind the floor is read by the next turn of the catch-up.
    if (next.first > position.revision + 1) return skipDropped();
    const decoded = checkedCommits(position, fresh);
    await store.apply(fresh);
    for (const [index, entry] of fresh.entries()) {
      position = positionAfter(entry);
      for (const observer of observers) observer.commits(decoded[index] ?? [], entry);
    }
  };
  const advance = (entries: readonly Entry[], confirmed?: number) => {
    const turn = advancing.then(() => moveOver(entries));
    advancing = turn.catch(() => {});
    return turn.then(() => {
      if (confirmed !== undefined && confirmed > confirmedAt) confirmedAt = confirmed;
    });
  };
  const readToTail = async () => {
    for (;;) {
      const began = monotonic();
      const before = position.revision;
      const entries = await store.readTail(before, ENTRIES_PER_READ);
      await advance(entries);
      if (entries.length === 0) return advance([], began);
    }
  };

  return {
    position: () => position,
    confirmedAt: () => (store.shared ? confirmedAt : monotonic()),
    advance,
    catchUp: store.shared ? shareNext(readToTail) : async () => {},
    observe: (observer) => {
      observers.add(observer);
      return () => observers.delete(observer);
    },
  };
}

/** The position that an entry leaves. */
export function positionAfter({ last, hash, time }: Entry): Position {
  return { revision: last, hash, time };
}

// A call joins the run that has not begun yet, never the one under way: that one may have asked too early.
function shareNext(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;
  return () => {
    next ??= running.then(() => {
      next = undefined;
      const turn = run();
      running = turn.catch(() => {});
      return turn;
    });
    return next;
  };
}

function checkedCommits(start: Position, entries: readonly Entry[]): readonly (readonly Commit[])[] {
  let position = start;
  return entries.map((entry) => {
    if (entry.first !== position.revision + 1) throw corrupt(position, 'the entry behind it is missing');
    if (entry.previousHash !== position.hash) throw corrupt(position, 'the entry behind it does not chain to it');
    if (entry.hash !== hashOfEntry(entry)) throw corrupt(position, 'the entry behind it was changed');
    position = positionAfter(entry);
    return decodeCommits(entry);
  });
}

function corrupt(position: Position, what: string): LedgerCorruptError {
  return new LedgerCorruptError(`Cannot read the log behind revision ${position.revision}: ${what}`);
}
