import { isCollectionName } from '../collection-name.js';
import { genesisHash } from '../entry.js';
import { InvalidCollectionNameError } from '../errors.js';
import { ReadyIndexes } from '../query/ready-indexes.js';
import type { Position, Store, StoreReads } from '../store.js';
import { holdDataDirectory } from './data-directory.js';
import { openReader, type Reader } from './reader.js';
import { checkDataFile } from './schema.js';
import { openWriter, type Writer } from './writer.js';

export interface EmbeddedStoreOptions {
  readonly dataDir: string;
  /** How long declaring indexes waits for them to be built, in milliseconds; then they are built behind. */
  readonly indexWaitMs?: number;
}

interface EmbeddedStoreParts {
  readonly writer: Writer;
  readonly reader: Reader;
  readonly indexes: ReadyIndexes;
  readonly release: () => void;
}

/**
 * Opens the engine that keeps everything in one SQLite file, `<dataDir>/keelson.db`, making it if it is not there.
 * `append` writes the entry and what it does to the state in one transaction and returns when it is on the disk.
 *
 * One process at a time: throws DataDirectoryInUseError while another one, or this one, has the directory open, and
 * NewerDataFormatError, having touched nothing, if a newer release wrote the file. The caller closes the store.
 */
export async function openEmbeddedStore(options: EmbeddedStoreOptions): Promise<Store> {
  const directory = holdDataDirectory(options.dataDir);
  try {
    checkDataFile(directory.databasePath);
    const writer = await openWriter(directory.databasePath);
    const reader = openReader(directory.databasePath);
    const indexes = new ReadyIndexes({ waitMs: options.indexWaitMs });
    return createEmbeddedStore({ writer, reader, indexes, release: () => directory.release() });
  } catch (err) {
    directory.release();
    throw err;
  }
}

function createEmbeddedStore({ writer, reader, indexes, release }: EmbeddedStoreParts): Store {
  const declared = new Set(reader.collections());
  return {
    ...createStoreReads(reader),
    shared: false,
    hasCollection: (name) => declared.has(name),
    collections: () => [...declared].sort(),
    declareCollections: async (names) => declareCollections(writer, declared, names),
    declareIndexes: async (collection, declaredIndexes) => {
      await writer.call('dropOtherIndexes', { collection, indexes: declaredIndexes });
      await indexes.declare(collection, declaredIndexes, (index) => writer.call('createIndex', { collection, index }));
    },
    append: (entry) => writer.call('append', entry),
    // `append` did it.
    apply: async () => {},
    queryDocuments: async (request) =>
      readSnapshot(reader, () => reader.query(request, indexes.of(request.collection))),
    dropEntries: (upTo) => dropEntries(writer, upTo),
    // One process writes, and state with the entry: no late write can meet a deletion.
    dropTombstones: async () => {},
    dropRequests: (before) => writer.call('dropRequests', before),
    saveFollower: (follower) => writer.call('saveFollower', follower),
    removeFollower: (name) => writer.call('removeFollower', name),
    readLease: async (name) => reader.lease(name),
    swapLease: (swap) => writer.call('swapLease', swap),
    scanLeases: async (scan) => reader.leases(scan),
    dropLeases: (before) => writer.call('dropLeases', before),
    close: async () => {
      reader.close();
      await writer.close();
      release();
    },
  };
}

/** Reads a database through a connection, whoever writes it. */
export function createStoreReads(reader: Reader): StoreReads {
  const start: Position = { revision: 0, hash: genesisHash(reader.databaseId), time: 0 };
  const floor = () => reader.floor() ?? start;
  return {
    databaseId: reader.databaseId,
    collections: () => reader.collections(),
    readApplied: async () => reader.tail() ?? floor(),
    readFloor: async () => floor(),
    readTail: async (after, limit) => reader.entriesFrom(after, limit),
    readEntries: async (after, limit) => reader.entriesFrom(after, limit),
    getDocuments: async (request) => readSnapshot(reader, () => ({ documents: reader.get(request) })),
    scanDocuments: async (request) => readSnapshot(reader, () => ({ documents: reader.scan(request) })),
    readFollowers: async () => reader.followers(),
    readLeases: async (after, limit) => reader.allLeases(after, limit),
  };
}

async function declareCollections(writer: Writer, declared: Set<string>, names: readonly string[]): Promise<void> {
  const added = names.filter((name) => !declared.has(name));
  for (const name of added) if (!isCollectionName(name)) throw new InvalidCollectionNameError(name);
  if (added.length === 0) return;
  await writer.call('declareCollections', added);
  for (const name of added) declared.add(name);
}

async function dropEntries(writer: Writer, floor: Position): Promise<void> {
  await writer.call('raiseFloor', floor);
  while ((await writer.call('sweepEntries', undefined)) > 0);
}

function readSnapshot<T extends object>(reader: Reader, read: () => T): T & { revision: number; exact: boolean } {
  return reader.snapshot(() => {
    const answer = read();
    const revision = (reader.tail() ?? reader.floor())?.revision ?? 0;
    return { ...answer, revision, exact: true };
  });
}
