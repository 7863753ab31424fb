/** Values as they were together at one revision; `undefined` where there is none. */
export interface VersionedRead<V> {
  readonly revision: number;
  readonly values: readonly (V | undefined)[];
}

/** Is told of changes in step with `revision()`: what it keeps is never behind. */
export interface ChangeObserver {
  changed(key: string, revision: number): void;
  /** Changes up to this revision were missed: anything may have changed. */
  reset(revision: number): void;
}

export interface WaitOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Where cached values come from: reads at a revision, and a log that tells what changed since. */
export interface VersionedSource<V> {
  /** How far this process has followed the log. */
  revision(): number;
  /** Whether `revision()` is as new as that asks for already. */
  hasReached(freshness: 'latest' | 'any' | number): boolean;
  /** Moves `revision()` to where the log ended at some moment after the call; calls that wait share one look. */
  catchUp(options: WaitOptions): Promise<unknown>;
  /** Moves `revision()` to that revision at least. */
  waitFor(revision: number, options: WaitOptions): Promise<unknown>;
  /** Throws for a key that a read would refuse: reads are shared, and one key must not fail those of others. */
  check(key: string): void;
  /** Reads at a revision that is not less than `revision()` at the time of the call. The signal ends it: nobody wants it then. */
  read(keys: readonly string[], options: WaitOptions): Promise<VersionedRead<V>>;
  observe(observer: ChangeObserver): () => void;
}
