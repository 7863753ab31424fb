/** How far a process is with the log, and what it took to get there. */
export interface LogProgress {
  /** The newest revision that this process knows to be in the log, less the one up to which it has applied it. */
  readonly lagRevisions: number;
  /** How long ago the position was the tail of the log, at most. 0 where no other process appends. */
  readonly confirmedMsAgo: number;
  /** Reads, and others, that waited for a look at the tail. */
  readonly catchUpsWanted: number;
  /** Looks that they shared. Both are 0 where no other process appends. */
  readonly catchUpsMade: number;
}

/** Counts what {@link LogProgress} tells. */
export interface ProgressCounter {
  wanted(): void;
  made(): void;
  /** The log goes to this revision, says somebody who may be wrong. */
  heard(revision: number): void;
  /** The log ended with this revision just now. Whoever spoke of more was wrong, or will be heard again. */
  ended(revision: number): void;
  tell(applied: number, confirmedMsAgo: number): LogProgress;
}

export function createProgressCounter(): ProgressCounter {
  let newestHeard = 0;
  let catchUpsWanted = 0;
  let catchUpsMade = 0;
  return {
    wanted() {
      catchUpsWanted += 1;
    },
    made() {
      catchUpsMade += 1;
    },
    heard(revision) {
      newestHeard = Math.max(newestHeard, revision);
    },
    ended(revision) {
      newestHeard = revision;
    },
    tell: (applied, confirmedMsAgo) => ({
      lagRevisions: Math.max(0, newestHeard - applied),
      confirmedMsAgo,
      catchUpsWanted,
      catchUpsMade,
    }),
  };
}
