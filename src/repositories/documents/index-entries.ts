import type { Write } from '../../ledger/commit.js';
import type { StateDocument } from '../../store/state.js';
import { ContentError } from './errors.js';
import { hasAnyField, indexKeyOf, INDEX_KEY_LENGTH_MAX, uniqueKeyOf } from './index-keys.js';
import type { CollectionIndex } from './settings.js';

/** Holds for each document and index an entry whose id is the key: they lie in the order of the index. */
export const INDEX_ENTRIES_COLLECTION = 'document_index';

/** Holds for each key of a unique index which document has it. */
export const UNIQUE_KEYS_COLLECTION = 'document_unique';

/** One entry of a document in an index. */
export interface IndexEntry {
  readonly collection: string;
  readonly id: string;
  readonly index: CollectionIndex;
}

/** The entries that a document has in an index, which follow from the two alone. */
export function entriesIn(index: CollectionIndex, document: StateDocument): readonly IndexEntry[] {
  const { order, unique, sparse, generation } = index;
  if (sparse && !hasAnyField(document, order)) return [];
  const entry = { collection: INDEX_ENTRIES_COLLECTION, id: `${generation}/${indexKeyOf(document, order)}`, index };
  if (!unique) return [entry];
  return [entry, { collection: UNIQUE_KEYS_COLLECTION, id: `${generation}/${uniqueKeyOf(document, order)}`, index }];
}

/** The same in all of some indexes; none for a document that is not there. */
export function entriesOf(
  indexes: readonly CollectionIndex[],
  document: StateDocument | undefined,
): readonly IndexEntry[] {
  return document === undefined ? [] : indexes.flatMap((index) => entriesIn(index, document));
}

/** Throws ContentError if a key is too long to be an id. */
export function assertEntriesFit(entries: readonly IndexEntry[]): void {
  for (const { id, index } of entries) {
    if (id.length - index.generation.length - 1 <= INDEX_KEY_LENGTH_MAX) continue;
    throw new ContentError([
      { path: 'fields', problem: `has values that are too long for the key of index "${index.id}" (${index.orderBy})` },
    ]);
  }
}

export function putEntry({ collection, id }: IndexEntry, document: string): Write {
  return { kind: 'put', collection, id, value: { document } };
}

/** The name of the document that an entry is of. */
export function documentOfEntry({ value }: StateDocument): string {
  // Only putEntry writes them.
  return value['document'] as string;
}

export function deleteEntry({ collection, id }: IndexEntry): Write {
  return { kind: 'delete', collection, id };
}
