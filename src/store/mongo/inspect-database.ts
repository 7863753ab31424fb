import { MongoClient, type Db } from 'mongodb';
import { NewerDataFormatError, RestoreUnfinishedError } from '../errors.js';
import type { InspectedServer, Inspection, InspectionRequest } from '../inspection.js';
import { REQUESTS_COLLECTION } from '../requests.js';
import { DATA_FORMAT, ledgerCollections, RESTORING_FORMAT, type LedgerCollections } from './database.js';
import { toStateDocument, type DatabaseMark } from './documents.js';
import { indexKeys } from './query-range.js';

const ANSWER_TIMEOUT_MS = 3_000;

/** Looks at a database, and changes nothing. Rejects as the driver does where it cannot be reached. */
export async function inspectMongoDatabase(url: string, request: InspectionRequest): Promise<Inspection> {
  const client = new MongoClient(url, {
    serverSelectionTimeoutMS: ANSWER_TIMEOUT_MS,
    connectTimeoutMS: ANSWER_TIMEOUT_MS,
    socketTimeoutMS: ANSWER_TIMEOUT_MS,
  });
  try {
    await client.connect();
    const db = client.db();
    const server = await inspectServer(db, request.now);
    await checkMark(db);
    const collections = ledgerCollections(db);
    const { collection, id } = request.document;
    const stored = await collections.documents(collection).findOne({ _id: id });
    return {
      server,
      collectionsWithoutIndex: await findMissing(collections, request),
      document: (stored && toStateDocument(collection, stored)) ?? undefined,
    };
  } finally {
    await client.close();
  }
}

async function inspectServer(db: Db, now: InspectionRequest['now']): Promise<InspectedServer> {
  const sentAt = now();
  const hello = await db.command({ hello: 1 });
  const answeredAt = now();
  const { version } = await db.command({ buildInfo: 1 });
  const time: unknown = hello['localTime'];
  return {
    version: String(version),
    aheadMs: time instanceof Date ? time.getTime() - (sentAt + answeredAt) / 2 : undefined,
    isReplicaSet: hello['setName'] !== undefined || hello['msg'] === 'isdbgrid',
  };
}

async function checkMark(db: Db): Promise<void> {
  const mark = await db.collection<DatabaseMark>('keelson_database').findOne({ _id: 'ledger' });
  if (mark?.format === RESTORING_FORMAT) throw new RestoreUnfinishedError(db.databaseName);
  if (mark !== null && mark.format > DATA_FORMAT)
    throw new NewerDataFormatError(db.databaseName, mark.format, DATA_FORMAT);
}

async function findMissing(collections: LedgerCollections, { indexes }: InspectionRequest): Promise<readonly string[]> {
  const names = (await collections.declared.find().toArray()).map(({ _id }) => _id);
  // A database that no server has opened has nothing to miss.
  if (names.length === 0) return [];
  const wanted = new Map<string, object[]>(names.map((name) => [name, [{ deletedRevision: 1 }]]));
  for (const { collection, indexes: declared } of indexes) wanted.get(collection)?.push(...declared.map(indexKeys));
  wanted.set(REQUESTS_COLLECTION, [{ updateTime: 1 }]);
  const missing: string[] = [];
  for (const [name, keys] of wanted) {
    const there = await collections.documents(name).indexes().catch(ignoreMissingCollection);
    const known = new Set(there.map(({ key }) => JSON.stringify(key)));
    if (!keys.every((key) => known.has(JSON.stringify(key)))) missing.push(name);
  }
  return missing;
}

/** A collection is made with its first index. */
function ignoreMissingCollection(err: unknown): { key: object }[] {
  const NAMESPACE_NOT_FOUND = 26;
  if (err instanceof Error && 'code' in err && err.code === NAMESPACE_NOT_FOUND) return [];
  throw err;
}
