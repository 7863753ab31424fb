import type { Filter } from 'mongodb';
import { prefixEnd } from '../prefix-range.js';
import type { GetRequest, ScanRequest, StateRead } from '../store.js';
import type { LedgerCollections } from './database.js';
import { type StoredDocument, toStateDocument } from './documents.js';

/** Reads documents by id. The server gives no snapshot, so newer commits may be seen in part; then it is not `exact`. */
export async function getDocuments(collections: LedgerCollections, request: GetRequest): Promise<StateRead> {
  const { collection, ids, at, signal } = request;
  const found = await collections
    .documents(collection)
    .find({ _id: { $in: [...ids] } }, { ...(signal && { signal }) })
    .toArray();
  const byId = new Map(found.map((stored) => [stored._id, toStateDocument(collection, stored)]));
  return { documents: ids.map((id) => byId.get(id)), ...judgeExact(found, at) };
}

/** Reads documents in the order of their ids. */
export async function scanDocuments(collections: LedgerCollections, request: ScanRequest): Promise<StateRead> {
  const { collection, at, limit, signal } = request;
  const found = await collections
    .documents(collection)
    .find(scanFilter(request), { sort: { _id: 1 }, limit, ...(signal && { signal }) })
    .toArray();
  return { documents: found.map((stored) => toStateDocument(collection, stored)), ...judgeExact(found, at) };
}

function scanFilter({ prefix, after, at }: ScanRequest): Filter<StoredDocument> {
  const end = prefixEnd(prefix);
  const ids = { $gte: prefix, ...(after !== undefined && { $gt: after }), ...(end !== undefined && { $lt: end }) };
  // Documents that were deleted behind `at` have to be seen, because they were there at `at`.
  return { _id: ids, $or: [{ deletedRevision: { $exists: false } }, { deletedRevision: { $gt: at } }] };
}

function judgeExact(found: readonly StoredDocument[], at: number): Pick<StateRead, 'revision' | 'exact'> {
  const newest = found.reduce((max, { revision }) => Math.max(max, revision), 0);
  return newest <= at ? { revision: at, exact: true } : { revision: newest, exact: false };
}
