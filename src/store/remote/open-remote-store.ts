import { abortable } from '../../async/abortable.js';
import { createLineCaller, LineCallError, type Line } from '../../async/line.js';
import { InvalidCollectionNameError, StoreBrokenError, StoreClosedError, StoreFailedError } from '../errors.js';
import { OrderNeedsIndexError } from '../query/query.js';
import type { Store } from '../store.js';
import { STORE_CHANNEL, type StoreDescription } from './store-calls.js';

/**
 * Uses the store of another process, which answers on the line (`answerStoreCalls`). Other processes may use it too, so
 * that one engine that only one process can open serves several. Closing it leaves the other process's store open.
 */
export async function openRemoteStore(line: Line): Promise<Store> {
  const caller = createLineCaller(line, STORE_CHANNEL);
  const call = async <T>(name: string, argument?: unknown): Promise<T> => {
    try {
      return (await caller.call(name, argument)) as T;
    } catch (err) {
      throw err instanceof LineCallError ? toStoreError(err) : err;
    }
  };
  /** A signal stays here: the other side is quick, and nobody waits for it any more. */
  const read = <T>(name: string, { signal, ...request }: { readonly signal?: AbortSignal | undefined }): Promise<T> =>
    abortable(call<T>(name, request), signal);

  const { databaseId, collections } = await call<StoreDescription>('describe');
  const declared = new Set(collections);
  return {
    databaseId,
    shared: true,
    hasCollection: (name) => declared.has(name),
    collections: () => [...declared].sort(),
    declareCollections: async (names) => {
      await call('declareCollections', names);
      for (const name of names) declared.add(name);
    },
    declareIndexes: (collection, indexes) => call('declareIndexes', { collection, indexes }),
    readApplied: () => call('readApplied'),
    readFloor: () => call('readFloor'),
    readTail: (after, limit) => call('readTail', { after, limit }),
    readEntries: (after, limit) => call('readEntries', { after, limit }),
    append: (entry) => call('append', entry),
    apply: (entries) => call('apply', entries),
    getDocuments: (request) => read('getDocuments', request),
    scanDocuments: (request) => read('scanDocuments', request),
    queryDocuments: (request) => read('queryDocuments', request),
    dropEntries: (floor) => call('dropEntries', floor),
    dropTombstones: (upTo) => call('dropTombstones', upTo),
    dropRequests: (before) => call('dropRequests', before),
    saveFollower: (follower) => call('saveFollower', follower),
    removeFollower: (name) => call('removeFollower', name),
    readFollowers: () => call('readFollowers'),
    readLease: (name) => call('readLease', name),
    swapLease: (swap) => call('swapLease', swap),
    scanLeases: (scan) => call('scanLeases', scan),
    readLeases: (after, limit) => call('readLeases', { after, limit }),
    dropLeases: (before) => call('dropLeases', before),
    close: async () => caller.close(new StoreClosedError()),
  };
}

const ERRORS: Readonly<Record<string, (cause: Error) => Error>> = {
  ORDER_NEEDS_INDEX: () => new OrderNeedsIndexError(),
  INVALID_COLLECTION_NAME: (cause) => withMessageOf(cause, new InvalidCollectionNameError('')),
  STORE_FAILED: (cause) => withMessageOf(cause, new StoreFailedError('use the store', { cause })),
  STORE_BROKEN: (cause) => new StoreBrokenError({ cause }),
  STORE_CLOSED: () => new StoreClosedError(),
};

/** An error is told from others by its class, which does not travel. */
function toStoreError(err: LineCallError): Error {
  return ERRORS[err.reason ?? '']?.(err) ?? err;
}

function withMessageOf(source: Error, target: Error): Error {
  target.message = source.message;
  return target;
}
