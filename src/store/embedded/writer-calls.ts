import type { Entry } from '../entry.js';
import type { LeaseSwap, SwapOutcome } from '../lease.js';
import type { IndexDeclaration } from '../query/query.js';
import type { AppendOutcome, FollowerPosition, Position } from '../store.js';

/** What the thread that writes can be asked to do. Each is one durable transaction. */
export interface WriterCalls {
  declareCollections(names: readonly string[]): void;
  dropOtherIndexes(than: CollectionIndexes): void;
  createIndex(of: CollectionIndex): void;
  append(entry: Entry): AppendOutcome;
  raiseFloor(floor: Position): void;
  /** Deletes some of the entries below the floor, and tells how many. */
  sweepEntries(): number;
  dropRequests(before: number): void;
  saveFollower(follower: FollowerPosition): void;
  removeFollower(name: string): void;
  swapLease(swap: LeaseSwap): SwapOutcome;
  dropLeases(before: number): void;
}

export interface CollectionIndexes {
  readonly collection: string;
  readonly indexes: readonly IndexDeclaration[];
}

export interface CollectionIndex {
  readonly collection: string;
  readonly index: IndexDeclaration;
}

/** One call, as it is posted to the thread. */
export type WriterCall = {
  [K in keyof WriterCalls]: { readonly name: K; readonly argument: Argument<K> };
}[keyof WriterCalls];

export type Argument<K extends keyof WriterCalls> = Parameters<WriterCalls[K]>[0];

export interface WriterRequest {
  readonly id: number;
  readonly call: WriterCall | 'close';
}

/** The thread answers in the order of the requests. Id 0 says that the database is open, or why it is not. */
export type WriterAnswer =
  { readonly id: number; readonly result: unknown } | { readonly id: number; readonly failure: Error };
