import { MongoClient, type ReadConcernLevel } from 'mongodb';
import { isCollectionName } from '../collection-name.js';
import { createElapsedClock } from '../elapsed-clock.js';
import { type Entry, genesisHash } from '../entry.js';
import { InvalidCollectionNameError, StoreClosedError } from '../errors.js';
import { REQUESTS_COLLECTION } from '../requests.js';
import { ReadyIndexes } from '../query/ready-indexes.js';
import type { Store } from '../store.js';
import { appendEntry } from './append.js';
import { applyEntries, applyForeign, markApplied } from './apply.js';
import {
  createDeclaredIndex,
  createIndexes,
  createOwnIndexes,
  type LedgerCollections,
  ledgerCollections,
  markDatabase,
  strongestReadConcern,
} from './database.js';
import { type Continuity, createContinuity } from './continuity.js';
import { readEntries, readTail } from './history.js';
import { createLeases } from './leases.js';
import { createPositions, type Positions } from './positions.js';
import { ignoreDuplicateKey } from './failures.js';
import { queryDocuments } from './query-reads.js';
import { getDocuments, scanDocuments } from './state-reads.js';
import { guardStore, translateFailure } from './guard-store.js';

// One command, its wait for the majority included. An append whose answer does not come is sent again.
const ANSWER_TIMEOUT_MS = 10_000;
const SELECTION_TIMEOUT_MS = 5_000;

export interface MongoStoreOptions {
  /** A connection string; the database is the one that it names. */
  readonly url: string;
  /** How long a command looks for a primary before it fails. Default 5000. */
  readonly selectionTimeoutMs?: number;
  /** Milliseconds since some moment, never too few; for tests of processes that were frozen. */
  readonly elapsed?: () => number;
  /** How long declaring indexes waits for them to be built, in milliseconds; then they are built behind. */
  readonly indexWaitMs?: number;
}

/**
 * Opens the engine that keeps everything in a database of a MongoDB server, or of another that speaks its protocol. Any
 * number of processes may. It needs no transactions and no change streams: an insert that fails on an existing key,
 * updates guarded by a condition on the same document, range reads by an index and bulk writes. Writes wait for the
 * majority and its journals, reads go to the primary.
 *
 * Throws NewerDataFormatError, having changed nothing, if a newer release wrote the database. The caller closes it.
 */
export async function openMongoStore(options: MongoStoreOptions): Promise<Store> {
  const client = new MongoClient(options.url, {
    writeConcern: { w: 'majority', journal: true },
    readConcern: { level: 'majority' },
    readPreference: 'primary',
    // The ledger repeats what may be repeated itself, and knows what came of it.
    retryWrites: false,
    socketTimeoutMS: ANSWER_TIMEOUT_MS,
    waitQueueTimeoutMS: ANSWER_TIMEOUT_MS,
    serverSelectionTimeoutMS: options.selectionTimeoutMs ?? SELECTION_TIMEOUT_MS,
  });
  try {
    await translateFailure('connect to MongoDB', client.connect());
    return await translateFailure('open the database', openDatabase(client, options));
  } catch (err) {
    await client.close();
    throw err;
  }
}

async function openDatabase(
  client: MongoClient,
  { elapsed = createElapsedClock(), indexWaitMs }: MongoStoreOptions,
): Promise<Store> {
  const db = client.db();
  const databaseId = await markDatabase(db);
  const collections = ledgerCollections(db);
  await createOwnIndexes(collections);
  const tailConcern = await strongestReadConcern(collections);
  const declared = new Set((await collections.declared.find().toArray()).map(({ _id }) => _id));
  // A copy that other tools made of a database may lack them.
  await createIndexes(collections, [...declared]);
  const indexes = new ReadyIndexes({ waitMs: indexWaitMs });
  const positions = createPositions(collections.positions, { revision: 0, hash: genesisHash(databaseId), time: 0 });
  const start = await positions.read('applied');
  const continuity = createContinuity({
    client,
    databaseId,
    collections,
    positions,
    start,
    level: tailConcern,
    elapsed,
  });
  const parts = { client, databaseId, collections, positions, continuity, declared, indexes, tailConcern, elapsed };
  return guardStore(createMongoStore(parts), continuity);
}

interface MongoStoreParts {
  readonly client: MongoClient;
  readonly databaseId: string;
  readonly collections: LedgerCollections;
  readonly positions: Positions;
  readonly continuity: Continuity;
  readonly declared: Set<string>;
  readonly indexes: ReadyIndexes;
  readonly tailConcern: ReadConcernLevel;
  readonly elapsed: () => number;
}

function createMongoStore(parts: MongoStoreParts): Store {
  const { client, databaseId, collections, positions, continuity, declared, indexes, tailConcern, elapsed } = parts;
  const { entries, followers } = collections;
  const applying = { collections, positions, elapsed };
  const leases = createLeases(collections.leases, tailConcern);
  const closing = new AbortController();
  // The entry that this process appended last, which it need not wait for anyone else to apply.
  let own: { readonly batchId: string; readonly appendedAt: number } | undefined;
  return {
    databaseId,
    shared: true,
    hasCollection: (name) => declared.has(name),
    collections: () => [...declared].sort(),
    declareCollections: (names) => declareCollections(collections, declared, names),
    declareIndexes: (collection, declaredIndexes) =>
      indexes.declare(collection, declaredIndexes, (index) =>
        createDeclaredIndex(collections.documents(collection), index),
      ),
    readApplied: () => positions.read('applied'),
    readFloor: () => positions.read('floor'),
    readTail: (after, limit) => readTail(entries, { after, limit }, tailConcern),
    readEntries: (after, limit) => readEntries(entries, { after, limit }, positions),
    append: (entry) => {
      own = { batchId: entry.batchId, appendedAt: elapsed() };
      return appendEntry(entries, entry, { assure: () => continuity.assure(), closing: closing.signal });
    },
    apply: async (batch) => {
      const isDone = own && isOnly(batch, own.batchId) && (await applyEntries(applying, batch, own.appendedAt));
      if (!isDone) return applyForeign(applying, batch);
      // Nobody waits for the watermark. If it does not get there, others look for themselves what has to be done.
      markApplied(positions, batch).catch(() => {});
    },
    getDocuments: (request) => getDocuments(collections, request),
    scanDocuments: (request) => scanDocuments(collections, request),
    queryDocuments: (request) =>
      queryDocuments(collections.documents(request.collection), request, indexes.of(request.collection)),
    dropEntries: async (floor) => {
      await positions.raise('floor', floor);
      await entries.deleteMany({ _id: { $lte: floor.revision } });
    },
    dropTombstones: async (upTo) => {
      for (const name of declared) await collections.documents(name).deleteMany({ deletedRevision: { $lte: upTo } });
    },
    dropRequests: async (before) => {
      await collections.documents(REQUESTS_COLLECTION).deleteMany({ updateTime: { $lt: new Date(before) } });
    },
    saveFollower: async ({ name, revision }) => {
      await followers.replaceOne({ _id: name }, { revision }, { upsert: true });
    },
    removeFollower: async (name) => {
      await followers.deleteOne({ _id: name });
    },
    readFollowers: async () => {
      const found = await followers.find().sort({ _id: 1 }).toArray();
      return found.map(({ _id, revision }) => ({ name: _id, revision }));
    },
    readLease: (name) => leases.read(name),
    swapLease: (swap) => leases.swap(swap),
    scanLeases: (scan) => leases.scan(scan),
    readLeases: (after, limit) => leases.readAll(after, limit),
    dropLeases: (before) => leases.drop(before),
    close: async () => {
      closing.abort(new StoreClosedError());
      await client.close();
    },
  };
}

function isOnly(entries: readonly Entry[], batchId: string): boolean {
  return entries.length === 1 && entries[0]?.batchId === batchId;
}

async function declareCollections(
  collections: LedgerCollections,
  declared: Set<string>,
  names: readonly string[],
): Promise<void> {
  const added = names.filter((name) => !declared.has(name));
  for (const name of added) if (!isCollectionName(name)) throw new InvalidCollectionNameError(name);
  await createIndexes(collections, added);
  for (const name of added) {
    await collections.declared.insertOne({ _id: name }).catch(ignoreDuplicateKey);
    declared.add(name);
  }
}
