import type { Put, Write } from '../../ledger/commit.js';
import { documentKey } from '../../store/effects.js';
import { deleteEntry, putEntry, type IndexEntry } from './index-entries.js';

/** What is left of many changes when each document is written once: the last of each. */
export interface NetWrites {
  putDocument(document: Omit<Put, 'kind' | 'precondition'>): void;
  deleteDocument(collection: string, id: string): void;
  putEntry(entry: IndexEntry, document: string): void;
  deleteEntry(entry: IndexEntry): void;
  writes(): readonly Write[];
}

export function createNetWrites(): NetWrites {
  const writes = new Map<string, Write>();
  const set = (write: Write) => void writes.set(documentKey(write), write);
  return {
    putDocument: (document) => set({ kind: 'put', ...document }),
    deleteDocument: (collection, id) => set({ kind: 'delete', collection, id }),
    putEntry: (entry, document) => set(putEntry(entry, document)),
    deleteEntry: (entry) => set(deleteEntry(entry)),
    writes: () => [...writes.values()],
  };
}
