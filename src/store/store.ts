import type { Entry } from './entry.js';
import type { Lease, LeaseName, LeaseScan, LeaseSwap, SwapOutcome } from './lease.js';
import type { IndexDeclaration, QueryRead, QueryRequest } from './query/query.js';
import type { StateDocument } from './state.js';

/** What is read to look a database over, or to copy it. */
export type StoreReads = Pick<
  Store,
  | 'databaseId'
  | 'collections'
  | 'readApplied'
  | 'readFloor'
  | 'readTail'
  | 'readEntries'
  | 'getDocuments'
  | 'scanDocuments'
  | 'readFollowers'
  | 'readLeases'
>;

/**
 * What the ledger needs from a database, and no more. One suite (`tests/contract/store.ts`) holds every engine to it.
 *
 * Revisions are places in the one total order, from 1 on, without holes. An entry covers the revisions `first` to
 * `last`; the next entry begins at `last + 1`. The history kept is everything above the floor.
 */
export interface Store {
  /** Drawn once when the database is made; never changes. */
  readonly databaseId: string;

  /** Whether other processes may append too. If not, what this process appended last is the tail. */
  readonly shared: boolean;

  /** Whether the collection was declared, here or in any earlier run. */
  hasCollection(name: string): boolean;

  /** All declared collections, in order of their names. */
  collections(): readonly string[];

  /** Makes room for collections. A name that is there already is left as it is. */
  declareCollections(names: readonly string[]): Promise<void>;

  /** Makes the indexes that queries of a declared collection may walk along, which may take long where there is much. */
  declareIndexes(collection: string, indexes: readonly IndexDeclaration[]): Promise<void>;

  /** The newest position whose entries the state is known to show; never below the floor. */
  readApplied(): Promise<Position>;

  /** The position of the last entry that retention dropped; revision 0 when none was. */
  readFloor(): Promise<Position>;

  /**
   * Entries above `after`, oldest first, at most `limit`. Linearizable: an empty answer means that at some moment since
   * the call nothing was above `after`. The first of them begins above `after + 1` if history was dropped meanwhile.
   */
  readTail(after: number, limit: number): Promise<readonly Entry[]>;

  /** Entries that hold any revision above `after`, oldest first, at most `limit`; dropped ones are not there. */
  readEntries(after: number, limit: number): Promise<readonly Entry[]>;

  /**
   * Makes the entry durable at its place: the compare-and-swap of the ledger. `taken` means that another entry stands
   * there and this one never will. Rejects with StoreFailedError if it is certain that nothing was written; as long as
   * it is not, it keeps asking.
   */
  append(entry: Entry): Promise<AppendOutcome>;

  /**
   * Makes the state show these entries. Everything below the first of them must have been applied. Doing it twice, or
   * after a later entry, changes nothing.
   */
  apply(entries: readonly Entry[]): Promise<void>;

  /** The documents under these ids, in their order, `undefined` where there is none. */
  getDocuments(request: GetRequest): Promise<StateRead>;

  /** Documents in the byte order of their ids. */
  scanDocuments(request: ScanRequest): Promise<StateRead>;

  /** Documents that meet a condition, in an order. Rejects with OrderNeedsIndexError. */
  queryDocuments(request: QueryRequest): Promise<QueryRead>;

  /** Raises the floor, then drops the entries up to it. Entries above must not be needed to apply the state. */
  dropEntries(floor: Position): Promise<void>;

  /** Forgets deletions up to a revision, after which an entry from before must not be applied again. */
  dropTombstones(upTo: number): Promise<void>;

  /** Forgets requests that were answered before a time, in milliseconds since 1970. */
  dropRequests(before: number): Promise<void>;

  /** Notes how far a named follower has come. Retention waits for it. */
  saveFollower(follower: FollowerPosition): Promise<void>;

  removeFollower(name: string): Promise<void>;

  readFollowers(): Promise<readonly FollowerPosition[]>;

  /** The lease as every swap that was answered has left it. */
  readLease(name: LeaseName): Promise<Lease | undefined>;

  /**
   * Makes or changes a lease, durably, if it is as it was read. Rejects with StoreFailedError where it may have happened
   * or not: read it again.
   */
  swapLease(swap: LeaseSwap): Promise<SwapOutcome>;

  /** Leases in the byte order of their ids, expired ones as well. */
  scanLeases(scan: LeaseScan): Promise<readonly Lease[]>;

  /** Leases of all kinds behind one, in an order of the engine's own; from the first where none is named. */
  readLeases(after: LeaseName | undefined, limit: number): Promise<readonly Lease[]>;

  /** Removes leases that expired before a time, in milliseconds since 1970. */
  dropLeases(before: number): Promise<void>;

  /** Ends what is under way and lets go of the database. */
  close(): Promise<void>;
}

/** Where the log stands: the last revision, the hash of the entry that ends with it, and its time. */
export interface Position {
  readonly revision: number;
  readonly hash: string;
  readonly time: number;
}

export type AppendOutcome = 'appended' | 'taken';

export interface FollowerPosition {
  readonly name: string;
  readonly revision: number;
}

export interface GetRequest {
  readonly collection: string;
  readonly ids: readonly string[];
  /** A revision that has been applied. */
  readonly at: number;
  readonly signal?: AbortSignal | undefined;
}

/** In the place of a revision: the documents as they are, each at whatever revision, and none that are deleted. */
export const AS_THEY_ARE = Number.MAX_SAFE_INTEGER;

export interface ScanRequest {
  readonly collection: string;
  /** A revision that has been applied, or `AS_THEY_ARE`. */
  readonly at: number;
  /** Only ids that begin with this. */
  readonly prefix: string;
  /** Only ids behind this one. */
  readonly after?: string | undefined;
  readonly limit: number;
  readonly signal?: AbortSignal | undefined;
}

export interface StateRead {
  readonly documents: readonly (StateDocument | undefined)[];
  /**
   * If `exact`, the documents are the state as of this revision, which is `at` or later. If not, changes up to this
   * revision were seen in part: apply at least that far and read again.
   */
  readonly revision: number;
  readonly exact: boolean;
}
