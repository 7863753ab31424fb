import { MongoError } from 'mongodb';
import { StoreFailedError } from '../errors.js';
import type { Store } from '../store.js';
import type { Continuity } from './continuity.js';

/**
 * The same store, except that it answers only from the database that was opened, and that what the driver throws becomes a
 * StoreFailedError, with the driver's error as its cause.
 */
export function guardStore(store: Store, continuity: Continuity): Store {
  const run = <T>(action: string, work: () => Promise<T>) => translateFailure(action, continuity.around(work));
  return {
    ...store,
    declareCollections: (names) => run('declare collections', () => store.declareCollections(names)),
    declareIndexes: (name, indexes) => run('declare indexes', () => store.declareIndexes(name, indexes)),
    readApplied: () => run('read the log', () => store.readApplied()),
    readFloor: () => run('read the log', () => store.readFloor()),
    readTail: async (after, limit) => {
      const found = await run('read the log', () => store.readTail(after, limit));
      const last = found.at(-1);
      if (last) continuity.saw(last);
      return found;
    },
    readEntries: (after, limit) => run('read the log', () => store.readEntries(after, limit)),
    append: async (entry) => {
      const outcome = await run('append', () => store.append(entry));
      if (outcome === 'appended') continuity.saw(entry);
      return outcome;
    },
    apply: (entries) => run('apply', () => store.apply(entries)),
    getDocuments: (request) => run('read documents', () => store.getDocuments(request)),
    scanDocuments: (request) => run('read documents', () => store.scanDocuments(request)),
    queryDocuments: (request) => run('query documents', () => store.queryDocuments(request)),
    dropEntries: (floor) => run('drop entries', () => store.dropEntries(floor)),
    dropTombstones: (upTo) => run('drop tombstones', () => store.dropTombstones(upTo)),
    dropRequests: (before) => run('drop requests', () => store.dropRequests(before)),
    saveFollower: (follower) => run('save a follower', () => store.saveFollower(follower)),
    removeFollower: (name) => run('remove a follower', () => store.removeFollower(name)),
    readFollowers: () => run('read followers', () => store.readFollowers()),
    readLease: (name) => run('read a lease', () => store.readLease(name)),
    swapLease: (swap) => run('change a lease', () => store.swapLease(swap)),
    scanLeases: (scan) => run('read leases', () => store.scanLeases(scan)),
    readLeases: (after, limit) => run('read leases', () => store.readLeases(after, limit)),
    dropLeases: (before) => run('drop leases', () => store.dropLeases(before)),
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
