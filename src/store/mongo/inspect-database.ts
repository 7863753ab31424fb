import { MongoClient, type Db } from 'mongodb';
import { NewerDataFormatError, RestoreUnfinishedError } from '../errors.js';
import type { InspectedServer, Inspection, InspectionRequest, MissingIndex } from '../inspection.js';
import { orderText } from '../query/order-text.js';
import { REQUESTS_COLLECTION } from '../requests.js';
import {
  DATA_FORMAT,
  LEASES_COLLECTION,
  ledgerCollections,
  RESTORING_FORMAT,
  type LedgerCollections,
} from './database.js';
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
      missingIndexes: await findMissing(collections, request),
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

interface WantedIndex extends MissingIndex {
  readonly keys: object;
}

async function findMissing(
  collections: LedgerCollections,
  { indexes }: InspectionRequest,
): Promise<readonly MissingIndex[]> {
  const names = (await collections.declared.find().toArray()).map(({ _id }) => _id);
  // A database that no server has opened has nothing to miss.
  if (names.length === 0) return [];
  const wanted = [
    ...indexes.flatMap(declaredOf).filter(({ collection }) => names.includes(collection)),
    ...ownOf(names),
  ];
  const missing: MissingIndex[] = [];
  for (const name of new Set(wanted.map(({ collection }) => collection))) {
    const there = await collections.documents(name).indexes().catch(ignoreMissingCollection);
    const known = new Set(there.map(({ key }) => JSON.stringify(key)));
    const gone = wanted.filter(({ collection, keys }) => collection === name && !known.has(JSON.stringify(keys)));
    missing.push(...gone.map(({ collection, index }) => ({ collection, index })));
  }
  return missing;
}

function declaredOf({ collection, indexes }: InspectionRequest['indexes'][number]): readonly WantedIndex[] {
  return indexes.map((index) => ({ collection, index: orderText(index), keys: indexKeys(index) }));
}

/** Those that the engine itself needs. */
function ownOf(names: readonly string[]): readonly WantedIndex[] {
  return [
    ...names.map((collection) => ({ collection, index: 'deletedRevision', keys: { deletedRevision: 1 } })),
    { collection: REQUESTS_COLLECTION, index: 'updateTime', keys: { updateTime: 1 } },
    { collection: LEASES_COLLECTION, index: 'expireTime', keys: { expireTime: 1 } },
  ];
}

/** A collection is made with its first index. */
function ignoreMissingCollection(err: unknown): { key: object }[] {
  const NAMESPACE_NOT_FOUND = 26;
  if (err instanceof Error && 'code' in err && err.code === NAMESPACE_NOT_FOUND) return [];
  throw err;
}
