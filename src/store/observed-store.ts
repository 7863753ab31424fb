import type { WorkObserver } from '../telemetry/work.js';
import type { Store } from './store.js';

/** The same store, which tells what it is asked for. */
export function observeStore(store: Store, observer: WorkObserver): Store {
  const run = <T>(name: string, task: () => Promise<T>, signal?: AbortSignal) =>
    observer.run({ kind: 'store', name, signal }, task);
  return {
    ...store,
    // What an engine keeps as a getter is asked for each time.
    get databaseId() {
      return store.databaseId;
    },
    get shared() {
      return store.shared;
    },
    hasCollection: (name) => store.hasCollection(name),
    collections: () => store.collections(),
    close: () => store.close(),
    readTail: (after, limit) => run('readTail', () => store.readTail(after, limit)),
    append: (entry) => run('append', () => store.append(entry)),
    apply: (entries) => run('apply', () => store.apply(entries)),
    getDocuments: (request) => run('getDocuments', () => store.getDocuments(request), request.signal),
    scanDocuments: (request) => run('scanDocuments', () => store.scanDocuments(request), request.signal),
    queryDocuments: (request) => run('queryDocuments', () => store.queryDocuments(request), request.signal),
  };
}
