import { randomUUID } from 'node:crypto';
import type { Collection, Db, ReadConcernLevel } from 'mongodb';
import { NewerDataFormatError, RestoreUnfinishedError } from '../errors.js';
import type { IndexDeclaration } from '../query/query.js';
import { REQUESTS_COLLECTION } from '../requests.js';
import type { DatabaseMark, StoredDocument, StoredEntry, StoredFollower, StoredPosition } from './documents.js';
import { isDuplicateKey, isPassing } from './failures.js';
import type { StoredLease } from './leases.js';
import { indexKeys } from './query-range.js';

/** Raised by one when an older release could no longer read what this one writes. */
export const DATA_FORMAT = 1;

/** The mark of a database that is being restored: newer than any release knows, so that none opens it. */
export const RESTORING_FORMAT = 1_000_000;

export const LEASES_COLLECTION = 'keelson_leases';

/** The names of all collections but the declared ones. */
export const OWN_COLLECTIONS = [
  'keelson_database',
  'keelson_entries',
  'keelson_positions',
  'keelson_followers',
  'keelson_leases',
  'keelson_collections',
  REQUESTS_COLLECTION,
];

/** The collections of a ledger, by what lies in them. */
export interface LedgerCollections {
  readonly entries: Collection<StoredEntry>;
  readonly positions: Collection<StoredPosition>;
  readonly followers: Collection<StoredFollower>;
  readonly leases: Collection<StoredLease>;
  readonly declared: Collection<{ readonly _id: string }>;
  /** Holds one document, which says whose database this is. */
  readonly marks: Collection<DatabaseMark>;
  /** The documents of a declared collection, or of the requests. */
  documents(name: string): Collection<StoredDocument>;
}

export function ledgerCollections(db: Db): LedgerCollections {
  return {
    entries: db.collection('keelson_entries'),
    positions: db.collection('keelson_positions'),
    followers: db.collection('keelson_followers'),
    leases: db.collection(LEASES_COLLECTION),
    declared: db.collection('keelson_collections'),
    marks: db.collection('keelson_database'),
    documents: (name) => db.collection(name),
  };
}

/** Gives the id of the database, having marked it if it is new. Throws NewerDataFormatError, having changed nothing. */
export async function markDatabase(db: Db): Promise<string> {
  const marks = db.collection<DatabaseMark>('keelson_database');
  const mark = (await marks.findOne({ _id: 'ledger' })) ?? (await insertMark(marks));
  if (mark.format === RESTORING_FORMAT) throw new RestoreUnfinishedError(db.databaseName);
  if (mark.format > DATA_FORMAT) throw new NewerDataFormatError(db.databaseName, mark.format, DATA_FORMAT);
  return mark.databaseId;
}

/** Makes the indexes that the engine reads by. Those that are there already stay. */
export async function createIndexes(collections: LedgerCollections, names: readonly string[]): Promise<void> {
  for (const name of names) await collections.documents(name).createIndex({ deletedRevision: 1 }, { sparse: true });
}

/** The indexes that queries walk along. Others of the collection stay, because an older release may use them. */
export async function createDeclaredIndex(
  documents: Collection<StoredDocument>,
  index: IndexDeclaration,
): Promise<void> {
  await documents.createIndex(indexKeys(index) as Record<string, 1 | -1>);
}

/** The indexes that are not of a declared collection. */
export async function createOwnIndexes(collections: LedgerCollections): Promise<void> {
  await collections.documents(REQUESTS_COLLECTION).createIndex({ updateTime: 1 });
  await collections.leases.createIndex({ expireTime: 1 });
}

/**
 * The strongest read concern that the server has. Only `linearizable` keeps a primary that was deposed, and does not
 * know it yet, from answering with an old tail; a standalone server does not have it and does not need it.
 */
export async function strongestReadConcern({ positions }: LedgerCollections): Promise<ReadConcernLevel> {
  for (const level of ['linearizable', 'majority'] as const) {
    if (await accepts(positions, level)) return level;
  }
  return 'local';
}

async function accepts(positions: Collection<StoredPosition>, level: ReadConcernLevel): Promise<boolean> {
  try {
    await positions.findOne({ _id: 'floor' }, { readConcern: { level } });
    return true;
  } catch (err) {
    // A server that is away or elects a primary says nothing of what it can do.
    if (isPassing(err)) throw err;
    return false;
  }
}

async function insertMark(marks: Collection<DatabaseMark>): Promise<DatabaseMark> {
  const mark = { _id: 'ledger', databaseId: randomUUID(), format: DATA_FORMAT };
  try {
    await marks.insertOne(mark);
    return mark;
  } catch (err) {
    // Another process made it in the same moment.
    const found = isDuplicateKey(err) ? await marks.findOne({ _id: 'ledger' }) : undefined;
    if (!found) throw err;
    return found;
  }
}
