import { answerCalls, type Line } from '../../async/line.js';
import type { Entry } from '../entry.js';
import type { LeaseName, LeaseScan, LeaseSwap } from '../lease.js';
import type { QueryRequest } from '../query/query.js';
import type { FollowerPosition, GetRequest, Position, ScanRequest, Store } from '../store.js';
import type { DeclaredIndexes, EntryRange, LeaseRange, StoreDescription } from './store-calls.js';
import { STORE_CHANNEL } from './store-calls.js';

/** Lets the process at the other end of a line use a store that this one has open. The function returned ends it. */
export function answerStoreCalls(line: Line, store: Store): () => void {
  return answerCalls(line, STORE_CHANNEL, {
    describe: (): StoreDescription => ({ databaseId: store.databaseId, collections: store.collections() }),
    declareCollections: (names: readonly string[]) => store.declareCollections(names),
    declareIndexes: ({ collection, indexes }: DeclaredIndexes) => store.declareIndexes(collection, indexes),
    readApplied: () => store.readApplied(),
    readFloor: () => store.readFloor(),
    readTail: ({ after, limit }: EntryRange) => store.readTail(after, limit),
    readEntries: ({ after, limit }: EntryRange) => store.readEntries(after, limit),
    append: (entry: Entry) => store.append(entry),
    apply: (entries: readonly Entry[]) => store.apply(entries),
    getDocuments: (request: GetRequest) => store.getDocuments(request),
    scanDocuments: (request: ScanRequest) => store.scanDocuments(request),
    queryDocuments: (request: QueryRequest) => store.queryDocuments(request),
    dropEntries: (floor: Position) => store.dropEntries(floor),
    dropTombstones: (upTo: number) => store.dropTombstones(upTo),
    dropRequests: (before: number) => store.dropRequests(before),
    saveFollower: (follower: FollowerPosition) => store.saveFollower(follower),
    removeFollower: (name: string) => store.removeFollower(name),
    readFollowers: () => store.readFollowers(),
    readLease: (name: LeaseName) => store.readLease(name),
    swapLease: (swap: LeaseSwap) => store.swapLease(swap),
    scanLeases: (scan: LeaseScan) => store.scanLeases(scan),
    readLeases: ({ after, limit }: LeaseRange) => store.readLeases(after, limit),
    dropLeases: (before: number) => store.dropLeases(before),
  });
}
