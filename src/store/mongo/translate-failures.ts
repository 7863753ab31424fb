import { MongoError } from 'mongodb';
import { StoreFailedError } from '../errors.js';
import type { Store } from '../store.js';

/** The same store, except that what the driver throws becomes a StoreFailedError, with the driver's error as its cause. */
export function translateFailures(store: Store): Store {
  return {
    ...store,
    declareCollections: (names) => translateFailure('declare collections', store.declareCollections(names)),
    declareIndexes: (name, indexes) => translateFailure('declare indexes', store.declareIndexes(name, indexes)),
    readApplied: () => translateFailure('read the log', store.readApplied()),
    readFloor: () => translateFailure('read the log', store.readFloor()),
    readTail: (after, limit) => translateFailure('read the log', store.readTail(after, limit)),
    readEntries: (after, limit) => translateFailure('read the log', store.readEntries(after, limit)),
    append: (entry) => translateFailure('append', store.append(entry)),
    apply: (entries) => translateFailure('apply', store.apply(entries)),
    getDocuments: (request) => translateFailure('read documents', store.getDocuments(request)),
    scanDocuments: (request) => translateFailure('read documents', store.scanDocuments(request)),
    queryDocuments: (request) => translateFailure('query documents', store.queryDocuments(request)),
    dropEntries: (floor) => translateFailure('drop entries', store.dropEntries(floor)),
    dropTombstones: (upTo) => translateFailure('drop tombstones', store.dropTombstones(upTo)),
    dropRequests: (before) => translateFailure('drop requests', store.dropRequests(before)),
    saveFollower: (follower) => translateFailure('save a follower', store.saveFollower(follower)),
    removeFollower: (name) => translateFailure('remove a follower', store.removeFollower(name)),
    readFollowers: () => translateFailure('read followers', store.readFollowers()),
    readLease: (name) => translateFailure('read a lease', store.readLease(name)),
    swapLease: (swap) => translateFailure('change a lease', store.swapLease(swap)),
    scanLeases: (scan) => translateFailure('read leases', store.scanLeases(scan)),
    readLeases: (after, limit) => translateFailure('read leases', store.readLeases(after, limit)),
    dropLeases: (before) => translateFailure('drop leases', store.dropLeases(before)),
  };
}

/** Waits for work with the driver. What others throw, such as the reason of an abort, is thrown as it is. */
export async function translateFailure<T>(action: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    throw cause instanceof MongoError ? new StoreFailedError(action, { cause }) : cause;
  }
}
