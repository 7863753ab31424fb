import type { WatchEvent, WatchOptions } from '../watch.js';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Events that a shared watch keeps for those who are a little behind; who is further behind reads the log. */
export const KEPT_EVENTS_MAX = 1_024;

/** The same, by the size of what they hold as JSON. */
export const KEPT_BYTES_MAX = 8 * MIB;

/** Parts that are kept to be shared. */
const PARTS_MAX = 32;

/** Watchers that one more millisecond is waited for, so that one message holds what comes meanwhile. */
const WATCHERS_PER_MS = 20;

/** What a watch is told: all changes from one revision to another, commit by commit. */
export interface WatchPart<T> {
  readonly events: readonly WatchEvent<T>[];
  /** Everything up to here was told. */
  readonly revision: number;
}

export interface SharedWatchOptions<T> {
  /** Tells all events behind a revision; each watcher that is far behind calls it for itself. */
  readonly follow: (options: Pick<WatchOptions, 'after' | 'signal'>) => AsyncIterable<WatchEvent<T>>;
  /** The newest revision that this process has read. */
  readonly revision: () => number;
  readonly sizeOf: (event: WatchEvent<T>) => number;
}

/** A watch that many share: what comes is judged, and made a message of, once for all of them. */
export interface SharedWatch<T> {
  /**
   * Tells everything behind a revision, in order, once. Parts of those who are at the same place are the same objects. A
   * slow watcher costs nothing: it falls out of what is kept, and reads the log until it has caught up.
   */
  watch(after: number, signal: AbortSignal): AsyncIterable<WatchPart<T>>;
}

/** Makes a watch that runs while somebody watches. */
export function createSharedWatch<T>(options: SharedWatchOptions<T>): SharedWatch<T> {
  const tail = createTail(options);
  async function* watch(after: number, signal: AbortSignal): AsyncGenerator<WatchPart<T>> {
    const leave = tail.join();
    let revision = after;
    try {
      for (;;) {
        signal.throwIfAborted();
        if (!tail.covers(revision)) {
          revision = yield* catchUp(revision, signal);
          continue;
        }
        const part = tail.behind(revision);
        if (part === undefined) {
          await tail.next(signal);
          continue;
        }
        yield part;
        revision = part.revision;
      }
    } finally {
      leave();
    }
  }
  async function* catchUp(after: number, signal: AbortSignal): AsyncGenerator<WatchPart<T>, number> {
    for await (const event of options.follow({ after, signal })) {
      yield { events: [event], revision: event.revision };
      if (tail.covers(event.revision)) return event.revision;
    }
    return after;
  }
  return { watch };
}

/** The newest events, and who waits for more. */
interface Tail<T> {
  /** Counts a watcher; the function that is returned takes it away. */
  join(): () => void;
  /** Whether everything behind a revision is kept. */
  covers(revision: number): boolean;
  /** What is behind a revision; `undefined` if nothing is. */
  behind(revision: number): WatchPart<T> | undefined;
  /** Resolves when there may be more. Rejects if the watch failed. */
  next(signal: AbortSignal): Promise<void>;
}

function createTail<T>(options: SharedWatchOptions<T>): Tail<T> {
  const { follow, revision } = options;
  const kept = createKept(options.sizeOf);
  const waiting = createWaiting();
  let watchers = 0;
  let running: AbortController | undefined;
  let wakeTimer: NodeJS.Timeout | undefined;

  const run = async (after: number, signal: AbortSignal) => {
    try {
      for await (const event of follow({ after, signal })) {
        kept.add(event);
        wakeTimer ??= setTimeout(
          () => {
            wakeTimer = undefined;
            waiting.wake();
          },
          Math.floor(watchers / WATCHERS_PER_MS),
        );
      }
    } catch (err) {
      if (!signal.aborted) waiting.fail(err);
    }
  };
  const start = () => {
    const starting = new AbortController();
    running = starting;
    kept.reset(revision());
    waiting.reset();
    void run(kept.from(), starting.signal);
  };
  const stop = () => {
    running?.abort();
    running = undefined;
    kept.reset(Infinity);
    clearTimeout(wakeTimer);
    wakeTimer = undefined;
  };
  return {
    join: () => {
      watchers += 1;
      if (running === undefined) start();
      return () => {
        watchers -= 1;
        if (watchers === 0) stop();
      };
    },
    covers: (at) => at >= kept.from(),
    behind: (at) => kept.behind(at),
    next: (signal) => waiting.next(signal),
  };
}

/** The newest events, as many as are allowed. */
interface Kept<T> {
  add(event: WatchEvent<T>): void;
  /** Everything behind this is kept. */
  from(): number;
  behind(at: number): WatchPart<T> | undefined;
  /** Forgets all, and begins behind a revision. */
  reset(from: number): void;
}

function createKept<T>(sizeOf: (event: WatchEvent<T>) => number): Kept<T> {
  let events: { readonly event: WatchEvent<T>; readonly bytes: number }[] = [];
  let bytes = 0;
  let from = Infinity;
  // One for all who are at the same place. It stays as it was made when more comes: who has it asks again, and a place
  // that some have left with one end and others with another would be two places from then on.
  const parts = new Map<number, WatchPart<T>>();
  return {
    from: () => from,
    add: (event) => {
      const size = sizeOf(event);
      events.push({ event, bytes: size });
      bytes += size;
      while (events.length > KEPT_EVENTS_MAX || (bytes > KEPT_BYTES_MAX && events.length > 1)) {
        const oldest = events.shift();
        from = oldest?.event.revision ?? from;
        bytes -= oldest?.bytes ?? 0;
      }
    },
    behind: (at) => {
      const last = events.at(-1);
      if (last === undefined || last.event.revision <= at) return undefined;
      const known = parts.get(at);
      if (known !== undefined) return known;
      const first = events.findIndex(({ event }) => event.revision > at);
      const part = { events: events.slice(first).map(({ event }) => event), revision: last.event.revision };
      for (const oldest of parts.keys()) {
        if (parts.size < PARTS_MAX) break;
        parts.delete(oldest);
      }
      parts.set(at, part);
      return part;
    },
    reset: (start) => {
      events = [];
      bytes = 0;
      from = start;
      parts.clear();
    },
  };
}

/** Those who wait for more. */
interface Waiting {
  wake(): void;
  /** Wakes all with an error, and whoever waits later. */
  fail(err: unknown): void;
  next(signal: AbortSignal): Promise<void>;
  reset(): void;
}

function createWaiting(): Waiting {
  const waiting = new Set<() => void>();
  let failure: { readonly err: unknown } | undefined;
  const wake = () => {
    for (const resolve of [...waiting]) resolve();
  };
  return {
    wake,
    fail: (err) => {
      failure = { err };
      wake();
    },
    next: (signal) =>
      new Promise((resolve, reject) => {
        const end = () => {
          waiting.delete(end);
          signal.removeEventListener('abort', end);
          if (failure !== undefined) reject(failure.err);
          else resolve();
        };
        waiting.add(end);
        signal.addEventListener('abort', end, { once: true });
        if (signal.aborted || failure !== undefined) end();
      }),
    reset: () => {
      failure = undefined;
    },
  };
}
