import type { Ledger } from '../../ledger/ledger.js';
import type { Documents } from '../documents.js';
import { etagOf } from '../etag.js';
import { ResourceError } from '../errors.js';
import { transactFor, type ChangeOptions } from '../resource.js';
import { COLLECTIONS, type Collections, type StoredCollection } from './collections.js';
import type { DocumentChange } from './document-changes.js';
import { CollectionNotEmptyError } from './errors.js';
import { sweepOf } from './indexes.js';

// With their entries in eight indexes they fit into one commit.
const DELETE_PAGE = 12;
const DELETE_PAGE_WITHOUT_INDEXES = 200;

export interface CollectionDeletion {
  readonly name: string;
  /** Any, when it is empty. */
  readonly etag: string;
  /** Deletes the documents as well. */
  readonly force: boolean;
}

export interface DeleteCollectionDeps {
  readonly ledger: Ledger;
  readonly collections: Collections;
  readonly documents: Pick<Documents, 'list' | 'commit'>;
}

/**
 * Deletes a declared collection, and with `force` its documents, some in each commit. Throws ResourceError and
 * CollectionNotEmptyError.
 */
export async function deleteCollection(
  { ledger, collections, documents }: DeleteCollectionDeps,
  { name, etag, force }: CollectionDeletion,
  context: ChangeOptions,
): Promise<void> {
  const collection = await collections.get(name, { signal: context.signal });
  assertSettingsEtag(collection, etag);
  const pageSize = collection.indexes.length > 0 ? DELETE_PAGE : DELETE_PAGE_WITHOUT_INDEXES;
  for (let pageToken = ''; ;) {
    const page = await documents.list({ parent: name, pageSize, pageToken }, { signal: context.signal });
    if (page.resources.length > 0 && !force) throw new CollectionNotEmptyError(name);
    const deletions = page.resources.map((document) => toDeletion(document.name));
    if (deletions.length > 0) await documents.commit(name, deletions, { signal: context.signal });
    pageToken = page.nextPageToken;
    if (pageToken === '') break;
  }
  await transactFor(
    ledger,
    async (view) => {
      const newest = await collections.read(view, name, 'delete');
      assertSettingsEtag(newest, etag);
      return [collections.withoutCollection(newest), ...newest.indexes.map((index) => sweepOf(name, index))];
    },
    context,
  );
}

function toDeletion(name: string): DocumentChange {
  return { kind: 'delete', name, condition: { kind: 'any' } };
}

function assertSettingsEtag({ name, revision }: StoredCollection, etag: string): void {
  if (etag === '' || etag === etagOf(revision)) return;
  const problem = `its etag is "${etagOf(revision)}", expected "${etag}"`;
  throw new ResourceError(
    'etag-mismatch',
    { type: COLLECTIONS.type, name },
    `Cannot delete collection "${name}": ${problem}`,
  );
}
