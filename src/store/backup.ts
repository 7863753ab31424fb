import type { Entry } from './entry.js';
import type { Lease } from './lease.js';
import type { StateDocument } from './state.js';
import type { FollowerPosition, Position, StoreReads } from './store.js';

/** A whole backup, opened to be read. */
export interface Backup extends StoreReads {
  /** The end of the log in it. */
  readonly end: Position;
  close(): void;
}

/** A backup that is being written. It is at its place, and whole, only once it was finished. */
export interface BackupWriter {
  /** Everything up to here was dropped from the history. */
  setFloor(floor: Position): void;
  /** Adds entries whose effects the documents that are added show already. */
  addEntries(entries: readonly Entry[]): void;
  addDocuments(documents: readonly StateDocument[]): void;
  addLeases(leases: readonly Lease[]): void;
  addFollowers(followers: readonly FollowerPosition[]): void;
  declareCollections(names: readonly string[]): void;
  /** Adds an entry with what it does to the documents. False where it does not follow on the one before. */
  append(entry: Entry): boolean;
  finish(): void;
  /** Removes what was written. */
  discard(): void;
}
