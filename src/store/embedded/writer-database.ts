import Database from 'libsql';
import { effectsOf } from '../effects.js';
import { decodeCommits, type Entry } from '../entry.js';
import { firstFence, type LeaseSwap, type SwapOutcome } from '../lease.js';
import { REQUESTS_COLLECTION } from '../requests.js';
import type { StateDocument, StateWrite } from '../state.js';
import type { AppendOutcome, Position } from '../store.js';
import { createIndex, dropOtherIndexes } from './indexes.js';
import { createSchema, documentTable } from './schema.js';
import type { CollectionIndex, CollectionIndexes, WriterCalls } from './writer-calls.js';

// Small enough that a commit which waits for it is not noticeably late.
const SWEEP_ENTRIES = 500;

/** The connection that writes. Every call has reached the disk when it returns. */
export interface WriterDatabase extends WriterCalls {
  close(): void;
}

/** Opens the file, makes its tables if it is new, and brings it into the mode that all releases write in. */
export function openWriterDatabase(path: string): WriterDatabase {
  const db = new Database(path);
  try {
    createSchema(db, path);
    // FULL makes each commit wait until the write-ahead log is on the disk.
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
  } catch (err) {
    db.close();
    throw err;
  }
  return { ...createWriterCalls(db), close: () => db.close() };
}

/** The statements of the writer on a connection that somebody else has opened. */
export function createWriterCalls(db: Database.Database): WriterCalls {
  const statements = prepareStatements(db);
  const tables = new Map<string, DocumentStatements>();
  const raiseFloor = inTransaction(db, (floor: Position) => {
    statements.clearFloor.run([]);
    statements.setFloor.run([floor.revision, floor.hash, floor.time]);
  });
  const declareCollections = inTransaction(db, (names: readonly string[]) => {
    for (const name of names) {
      db.exec(documentTable(name));
      statements.addCollection.run([name]);
    }
  });
  const dropIndexes = inTransaction(db, ({ collection, indexes }: CollectionIndexes) =>
    dropOtherIndexes(db, collection, indexes),
  );
  const createOne = inTransaction(db, ({ collection, index }: CollectionIndex) => createIndex(db, collection, index));
  const append = inTransaction(db, (entry: Entry) =>
    appendEntry(entry, statements, (name) => statementsOf(db, tables, name)),
  );
  return {
    declareCollections,
    dropOtherIndexes: dropIndexes,
    createIndex: createOne,
    append,
    raiseFloor,
    sweepEntries: () => statements.sweepEntries.run([SWEEP_ENTRIES]).changes,
    dropRequests: (before) => void statements.dropRequests.run([before]),
    saveFollower: ({ name, revision }) => void statements.saveFollower.run([name, revision]),
    removeFollower: (name) => void statements.removeFollower.run([name]),
    swapLease: (swap) => swapLease(statements, swap),
    dropLeases: (before) => void statements.dropLeases.run([before]),
  };
}

// Not the driver's own: that one answers a commit which failed with the error of a rollback that had nothing left to do.
function inTransaction<A, R>(db: Database.Database, work: (argument: A) => R): (argument: A) => R {
  return (argument) => {
    db.exec('BEGIN IMMEDIATE');
    try {
      const result = work(argument);
      db.exec('COMMIT');
      return result;
    } catch (err) {
      if (db.inTransaction) db.exec('ROLLBACK');
      throw err;
    }
  };
}

type Statements = ReturnType<typeof prepareStatements>;

function prepareStatements(db: Database.Database) {
  return {
    readLast: db.prepare('SELECT last FROM keelson_entries ORDER BY first DESC LIMIT 1'),
    readFloor: db.prepare('SELECT revision AS last FROM keelson_floor'),
    insertEntry: db.prepare('INSERT INTO keelson_entries VALUES (?, ?, ?, ?, ?, ?, ?)'),
    addCollection: db.prepare('INSERT OR IGNORE INTO keelson_collections VALUES (?)'),
    clearFloor: db.prepare('DELETE FROM keelson_floor'),
    setFloor: db.prepare('INSERT INTO keelson_floor VALUES (?, ?, ?)'),
    sweepEntries: db.prepare(`DELETE FROM keelson_entries WHERE first IN (
      SELECT first FROM keelson_entries WHERE last <= (SELECT revision FROM keelson_floor) ORDER BY first LIMIT ?)`),
    dropRequests: db.prepare(`DELETE FROM ${REQUESTS_COLLECTION} WHERE update_time < ?`),
    saveFollower: db.prepare('INSERT OR REPLACE INTO keelson_followers VALUES (?, ?)'),
    removeFollower: db.prepare('DELETE FROM keelson_followers WHERE name = ?'),
    insertLease: db.prepare('INSERT OR IGNORE INTO keelson_leases VALUES (?, ?, ?, ?, ?)'),
    updateLease: db.prepare(
      'UPDATE keelson_leases SET value = ?, expire_time = ?, fence = fence + 1 WHERE kind = ? AND id = ? AND fence = ?',
    ),
    dropLeases: db.prepare('DELETE FROM keelson_leases WHERE expire_time < ?'),
  };
}

interface DocumentStatements {
  readonly put: Database.Statement;
  readonly remove: Database.Statement;
}

type StatementsOf = (collection: string) => DocumentStatements;

// Inside a transaction: the entry and what it does to the state become durable together, or neither does.
function appendEntry(entry: Entry, statements: Statements, statementsFor: StatementsOf): AppendOutcome {
  if (readTail(statements) !== entry.first - 1) return 'taken';
  const { first, last, time, batchId, previousHash, hash, body } = entry;
  statements.insertEntry.run([first, last, time, batchId, previousHash, hash, body]);
  applyEffects(effectsOf(decodeCommits(entry)), statementsFor);
  return 'appended';
}

function swapLease({ insertLease, updateLease }: Statements, swap: LeaseSwap): SwapOutcome {
  const { kind, id, fence, value, expireTime } = swap;
  const text = JSON.stringify(value);
  const { changes } =
    fence === undefined
      ? insertLease.run([kind, id, firstFence(swap), text, expireTime])
      : updateLease.run([text, expireTime, kind, id, fence]);
  return changes === 1 ? 'swapped' : 'lost';
}

function readTail({ readLast, readFloor }: Statements): number {
  const row = (readLast.get([]) ?? readFloor.get([])) as { last: number } | undefined;
  return row?.last ?? 0;
}

// A call of the driver costs more than a row, so that all rows of a table are written by one. Effects are of different
// documents, and so of any order.
function applyEffects(effects: readonly StateWrite[], statementsFor: StatementsOf): void {
  const tables = new Map<string, { readonly puts: unknown[]; readonly removals: string[] }>();
  for (const { collection, id, document } of effects) {
    const table = tables.get(collection) ?? { puts: [], removals: [] };
    tables.set(collection, table);
    if (document) table.puts.push(columnsOf(document));
    else table.removals.push(id);
  }
  for (const [collection, { puts, removals }] of tables) {
    const { put, remove } = statementsFor(collection);
    if (puts.length > 0) put.run([JSON.stringify(puts)]);
    if (removals.length > 0) remove.run([JSON.stringify(removals)]);
  }
}

/** A document as its table has it, the value as JSON text. */
export function rowOf(document: StateDocument): unknown[] {
  const [id, value, ...rest] = columnsOf(document);
  return [id, JSON.stringify(value), ...rest];
}

function columnsOf({ id, value, revision, createRevision, createTime, updateTime }: StateDocument) {
  return [id, value, revision, createRevision, createTime, updateTime] as const;
}

function statementsOf(
  db: Database.Database,
  tables: Map<string, DocumentStatements>,
  name: string,
): DocumentStatements {
  const known = tables.get(name);
  if (known) return known;
  const prepared = {
    // What SQLite takes out of a JSON text as JSON is the same text.
    put: db.prepare(`INSERT INTO "${name}"
      SELECT value ->> 0, value -> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5 FROM json_each(?) WHERE true
      ON CONFLICT (id) DO UPDATE SET
      value = excluded.value, revision = excluded.revision, create_revision = excluded.create_revision,
      create_time = excluded.create_time, update_time = excluded.update_time`),
    remove: db.prepare(`DELETE FROM "${name}" WHERE id IN (SELECT value FROM json_each(?))`),
  };
  tables.set(name, prepared);
  return prepared;
}
