import { MongoClient, type Db } from 'mongodb';
import type { Backup } from '../backup.js';
import { AS_THEY_ARE } from '../store.js';
import { NotEmptyError } from '../errors.js';
import { REQUESTS_COLLECTION } from '../requests.js';
import {
  createIndexes,
  DATA_FORMAT,
  type LedgerCollections,
  ledgerCollections,
  OWN_COLLECTIONS,
  RESTORING_FORMAT,
} from './database.js';
import { type DatabaseMark, type StoredDocument, toStoredDocument, toStoredEntry } from './documents.js';
import { isDuplicateKey } from './failures.js';
import { toStoredLease } from './leases.js';
import { translateFailure } from './guard-store.js';

const ENTRIES_AT_ONCE = 32;
const DOCUMENTS_AT_ONCE = 200;

/**
 * Fills a database, in which nothing of a ledger may be yet, from a backup, which was looked over. Until all is there the database has a
 * mark that no release opens, so that a restore which was cut short is never taken for a whole one.
 */
export async function restoreMongoDatabase(url: string, backup: Backup): Promise<void> {
  const client = new MongoClient(url, { writeConcern: { w: 'majority', journal: true }, retryWrites: false });
  try {
    await translateFailure('connect to MongoDB', client.connect());
    await translateFailure('restore', fill(client.db(), backup));
  } finally {
    await client.close();
  }
}

async function fill(db: Db, backup: Backup): Promise<void> {
  const marks = db.collection<DatabaseMark>('keelson_database');
  await claim(db, backup);
  const collections = ledgerCollections(db);
  await copyEntries(collections, backup);
  await createIndexes(collections, backup.collections());
  for (const name of [REQUESTS_COLLECTION, ...backup.collections()]) {
    await copyDocuments(collections, backup, name);
  }
  for (const name of backup.collections()) await collections.declared.insertOne({ _id: name });
  await copyLeases(collections, backup);
  for (const { name, revision } of await backup.readFollowers()) {
    await collections.followers.insertOne({ _id: name, revision });
  }
  const positions = { floor: await backup.readFloor(), applied: await backup.readApplied() };
  for (const [_id, position] of Object.entries(positions)) {
    if (position.revision > 0) await collections.positions.insertOne({ _id, ...position });
  }
  await marks.updateOne({ _id: 'ledger' }, { $set: { format: DATA_FORMAT } });
}

/** Looks into everything that will be written. Of two who restore at once, one finds the mark of the other. */
async function claim(db: Db, backup: Backup): Promise<void> {
  for (const name of [...OWN_COLLECTIONS, ...backup.collections()]) {
    if ((await db.collection(name).findOne()) !== null) throw notEmpty(db, name);
  }
  try {
    const mark = { _id: 'ledger', databaseId: backup.databaseId, format: RESTORING_FORMAT };
    await db.collection<DatabaseMark>('keelson_database').insertOne(mark);
  } catch (err) {
    throw isDuplicateKey(err) ? notEmpty(db, 'keelson_database') : err;
  }
}

function notEmpty({ databaseName }: Db, collection: string): NotEmptyError {
  return new NotEmptyError('restore into', databaseName, `it has documents in "${collection}"`);
}

async function copyEntries({ entries }: LedgerCollections, backup: Backup): Promise<void> {
  for (let { revision } = await backup.readFloor(); ;) {
    const batch = await backup.readEntries(revision, ENTRIES_AT_ONCE);
    const last = batch.at(-1);
    if (last === undefined) return;
    await entries.insertMany(batch.map(toStoredEntry));
    revision = last.last;
  }
}

async function copyDocuments(collections: LedgerCollections, backup: Backup, name: string): Promise<void> {
  for (let after: string | undefined; ;) {
    const page = { collection: name, prefix: '', after, limit: DOCUMENTS_AT_ONCE, at: AS_THEY_ARE };
    const { documents } = await backup.scanDocuments(page);
    const stored = documents.flatMap((document): StoredDocument[] =>
      document === undefined ? [] : [toStoredDocument({ ...document, document })],
    );
    if (stored.length === 0) return;
    await collections.documents(name).insertMany(stored);
    after = documents.at(-1)?.id;
  }
}

async function copyLeases({ leases }: LedgerCollections, backup: Backup): Promise<void> {
  let batch = await backup.readLeases(undefined, DOCUMENTS_AT_ONCE);
  while (batch.length > 0) {
    await leases.insertMany(batch.map(toStoredLease));
    batch = await backup.readLeases(batch.at(-1), DOCUMENTS_AT_ONCE);
  }
}
