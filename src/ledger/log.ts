import { type Commit, decodeCommits, type Entry, hashOfEntry } from '../store/entry.js';
import type { Position, Store } from '../store/store.js';
import { LedgerCorruptError } from './errors.js';
import { ENTRIES_PER_READ } from './limits.js';
import { createProgressCounter, type LogProgress } from './progress.js';
import type { LedgerClock } from './surroundings.js';

/**
 * How long after the tail was confirmed a process may take what stands behind it for what it seems. Retention keeps
 * every entry for several times as long. After that the floor has to be asked: the place behind the old tail may have
 * been used and dropped, and be free again for a process that was frozen.
 */
export const TAIL_TRUST_MS = 30_000;

/** How far this process has read the log. The state shows everything up to there. */
export interface Log {
  position(): Position;
  progress(): LogProgress;
  /** Hears that the log goes to a revision, from somebody who may be wrong. The next look at the tail shows. */
  heard(revision: number): void;
  /**
   * A moment of the clock `atMost` at which the position was the tail of the log. Other processes may have appended
   * since.
   */
  confirmedAt(): number;
  /**
   * Applies an entry that this process appended, moves the position over it and tells the observers. `appendedAt` is a
   * moment before the append.
   */
  advance(sealed: SealedEntry, appendedAt: number): Promise<void>;
  /**
   * Moves the position to where the tail was at some moment after this call. Calls that wait share one query. If this
   * process is the only one that appends, the position is there already.
   */
  catchUp(): Promise<void>;
  /**
   * Moves the position to a revision that the store was seen to show. It may be ahead even where this process is the
   * only one that appends: the store shows a commit a moment before the process hears of it.
   */
  reach(revision: number): Promise<void>;
  /** Adds an observer; the function that is returned takes it away again. */
  observe(observer: LogObserver): () => void;
}

/** An entry together with the commits it was made of. */
export interface SealedEntry {
  readonly entry: Entry;
  readonly commits: readonly Commit[];
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
  readonly clock: Pick<LedgerClock, 'atMost'>;
}

export function createLog({ store, start, clock }: LogOptions): Log {
  const observers = new Set<LogObserver>();
  let position = start;
  // The start was read from what was applied, not from the tail.
  let confirmedAt = -Infinity;
  const progress = createProgressCounter();
  const inTurn = oneByOne();

  const skipDropped = async () => {
    const floor = await store.readFloor();
    if (floor.revision <= position.revision) throw corrupt(position, 'the entry behind it is missing');
    position = floor;
    for (const observer of observers) observer.reset(floor.revision);
  };
  const applyNext = async (sealed: readonly SealedEntry[]) => {
    await store.apply(sealed.map(({ entry }) => entry));
    for (const { entry, commits } of sealed) {
      position = positionAfter(entry);
      for (const observer of observers) observer.commits(commits, entry);
    }
  };
  const moveOver = async (entries: readonly Entry[]) => {
    const fresh = entries.filter((entry) => entry.first > position.revision);
    const [next] = fresh;
    if (!next) return;
    // Retention overtook this process; what is behind the floor is read by the next turn of the catch-up.
    if (next.first > position.revision + 1) return skipDropped();
    await applyNext(checkChain(position, fresh));
  };
  // A catch-up may have met it first.
  const isNext = ({ entry }: SealedEntry) => entry.first === position.revision + 1;
  // What was read may have come from a process that was frozen, see TAIL_TRUST_MS.
  const moveOverDoubtful = async (entries: readonly Entry[]) => {
    const floor = await store.readFloor();
    return floor.revision > position.revision ? skipDropped() : moveOver(entries);
  };
  const readToTail = async () => {
    progress.made();
    for (;;) {
      const began = clock.atMost();
      const entries = await store.readTail(position.revision, ENTRIES_PER_READ);
      const isDoubtful = clock.atMost() - confirmedAt > TAIL_TRUST_MS;
      const last = entries.at(-1)?.last ?? 0;
      progress.heard(last);
      await inTurn(() => (isDoubtful ? moveOverDoubtful(entries) : moveOver(entries)));
      // A full answer may have more behind it, and over a gap there was no moving.
      if (entries.length < ENTRIES_PER_READ && position.revision >= last) return confirm(began);
    }
  };
  const readOn = shareNext(readToTail, () => progress.wanted());
  const confirm = (at: number) => {
    confirmedAt = Math.max(confirmedAt, at);
    progress.ended(position.revision);
  };

  return {
    position: () => position,
    progress: () => progress.tell(position.revision, store.shared ? clock.atMost() - confirmedAt : 0),
    heard: (revision) => progress.heard(revision),
    confirmedAt: () => (store.shared ? confirmedAt : clock.atMost()),
    advance: async (sealed, appendedAt) => {
      await inTurn(async () => (isNext(sealed) ? applyNext([sealed]) : undefined));
      confirm(appendedAt);
    },
    catchUp: store.shared ? readOn : async () => {},
    reach: async (revision) => {
      if (revision > position.revision) await readOn();
    },
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

/** Runs steps in the order in which they are given, each when the one before has ended. */
function oneByOne(): (step: () => Promise<void>) => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  return (step) => {
    const turn = last.then(step);
    last = turn.catch(() => {});
    return turn;
  };
}

// A call joins the run that has not begun yet, never the one under way: that one may have asked too early.
function shareNext(run: () => Promise<void>, wanted: () => void): () => Promise<void> {
  let running: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;
  return () => {
    wanted();
    next ??= running.then(() => {
      next = undefined;
      const turn = run();
      running = turn.catch(() => {});
      return turn;
    });
    return next;
  };
}

function checkChain(start: Position, entries: readonly Entry[]): readonly SealedEntry[] {
  let position = start;
  return entries.map((entry) => {
    if (entry.first !== position.revision + 1) throw corrupt(position, 'the entry behind it is missing');
    if (entry.previousHash !== position.hash) throw corrupt(position, 'the entry behind it does not chain to it');
    if (entry.hash !== hashOfEntry(entry)) throw corrupt(position, 'the entry behind it was changed');
    position = positionAfter(entry);
    return { entry, commits: decodeCommits(entry) };
  });
}

function corrupt(position: Position, what: string): LedgerCorruptError {
  return new LedgerCorruptError(`Cannot read the log behind revision ${position.revision}: ${what}`);
}
