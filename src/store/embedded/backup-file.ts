import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import Database from 'libsql';
import type { Backup, BackupWriter } from '../backup.js';
import type { Entry } from '../entry.js';
import { BackupFailedError, BackupIncompleteError, NotEmptyError } from '../errors.js';
import type { Lease } from '../lease.js';
import type { StateDocument } from '../state.js';
import type { Position } from '../store.js';
import { createStoreReads } from './open-embedded-store.js';
import { openReader } from './reader.js';
import { checkDataFile, createSchema } from './schema.js';
import { createWriterCalls, rowOf } from './writer-database.js';

const PARTIAL_SUFFIX = '.partial';

// Written last: whoever finds it has a backup that was finished.
const MARK_TABLE = `
  DROP TABLE IF EXISTS keelson_backup;
  CREATE TABLE keelson_backup (revision INTEGER NOT NULL, hash TEXT NOT NULL, time INTEGER NOT NULL) STRICT;`;

/**
 * Copies the database in a data directory into a file, whether or not a server has it open: SQLite reads it at one moment,
 * in one transaction, while others write. The driver lacks SQLite's backup interface; `VACUUM INTO` is its equal that is SQL.
 */
export function copyDatabase(dataDir: string, path: string): void {
  const source = join(dataDir, 'keelson.db');
  if (!existsSync(source)) throw new BackupFailedError(`"${dataDir}"`, 'it holds no database');
  checkDataFile(source);
  const partial = beginFile(path);
  const db = new Database(source);
  try {
    db.prepare('VACUUM INTO ?').run([partial]);
    finishFile(partial, path);
  } catch (err) {
    rmSync(partial, { force: true });
    throw err instanceof Database.SqliteError ? notWritten(path, err) : err;
  } finally {
    db.close();
  }
}

/** Begins a backup of a database of another engine. */
export function createBackupFile(path: string, databaseId: string): BackupWriter {
  const partial = beginFile(path);
  const db = new Database(partial);
  createSchema(db, partial);
  // It is flushed once, at its end.
  db.exec('PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF;');
  db.prepare('UPDATE keelson_database SET id = ?').run([databaseId]);
  const calls = createWriterCalls(db);
  const insert = createInserts(db);
  return {
    setFloor: (floor) => calls.raiseFloor(floor),
    addEntries: inTransaction(db, insert.entry),
    addDocuments: inTransaction(db, insert.document),
    addLeases: inTransaction(db, insert.lease),
    addFollowers: (followers) => followers.forEach((follower) => calls.saveFollower(follower)),
    declareCollections: (names) => calls.declareCollections(names),
    append: (entry) => calls.append(entry) === 'appended',
    finish() {
      db.close();
      finishFile(partial, path);
    },
    discard() {
      db.close();
      rmSync(partial, { force: true });
    },
  };
}

/** Opens a backup and sees that it is whole. Changes nothing. */
export function openBackupFile(path: string): Backup {
  if (!existsSync(path)) throw new BackupIncompleteError(path, 'there is no such file');
  checkDataFile(path);
  checkSize(path);
  const end = readMark(path);
  const reader = openReader(path);
  return { ...createStoreReads(reader), end, close: () => reader.close() };
}

/** Makes a copy of a backup a database like any other. */
export function removeMark(path: string): void {
  const db = new Database(path);
  try {
    db.exec('DROP TABLE IF EXISTS keelson_backup');
  } finally {
    db.close();
  }
  flush(path);
}

/** Waits until a file, or the names in a directory, are on the disk. */
export function flush(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function beginFile(path: string): string {
  if (existsSync(path)) throw new NotEmptyError('back up into', path, 'there is a file of that name');
  const partial = `${path}${PARTIAL_SUFFIX}`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    rmSync(partial, { force: true });
    // Whoever can read it can read everything; SQLite takes an empty file for a new one.
    closeSync(openSync(partial, 'wx', 0o600));
  } catch (err) {
    throw notWritten(path, err);
  }
  return partial;
}

function notWritten(path: string, err: unknown): BackupFailedError {
  return new BackupFailedError(`into "${path}"`, err instanceof Error ? err.message : String(err));
}

function finishFile(partial: string, path: string): void {
  const db = new Database(partial);
  try {
    db.exec(MARK_TABLE);
    db.exec(`INSERT INTO keelson_backup SELECT * FROM (${END})`);
  } finally {
    db.close();
  }
  flush(partial);
  renameSync(partial, path);
  flush(dirname(resolve(path)));
}

const END = `SELECT revision, hash, time FROM (
    SELECT last AS revision, hash, time FROM keelson_entries
    UNION ALL SELECT revision, hash, time FROM keelson_floor
    UNION ALL SELECT 0, '', 0
  ) ORDER BY revision DESC LIMIT 1`;

// SQLite may pass over pages that a copy has lost, until somebody wants them.
function checkSize(path: string): void {
  const { size } = statSync(path);
  const db = openToLook(path);
  try {
    const [pages, bytes] = ['page_count', 'page_size'].map((name) => db.prepare(`PRAGMA ${name}`).raw().get([]));
    const wanted = Number((pages as unknown[])[0]) * Number((bytes as unknown[])[0]);
    if (size !== wanted) throw new BackupIncompleteError(path, `it has ${size} bytes, not ${wanted}`);
    const [verdict] = db.prepare('PRAGMA quick_check(1)').raw().get([]) as [string];
    if (verdict !== 'ok') throw new BackupIncompleteError(path, verdict);
  } catch (err) {
    throw err instanceof Database.SqliteError ? new BackupIncompleteError(path, err.message) : err;
  } finally {
    db.close();
  }
}

function openToLook(path: string): Database.Database {
  const db = new Database(path);
  db.exec('PRAGMA query_only = ON');
  return db;
}

function readMark(path: string): Position {
  const db = openToLook(path);
  try {
    const mark = tryGet<Position>(db, 'SELECT revision, hash, time FROM keelson_backup');
    const end = tryGet<Position>(db, END);
    if (mark === undefined) throw new BackupIncompleteError(path, 'it was not finished');
    if (mark.revision !== end?.revision || mark.hash !== end.hash) {
      throw new BackupIncompleteError(path, `it was finished at revision ${mark.revision}, and ends elsewhere`);
    }
    return { revision: mark.revision, hash: mark.hash, time: mark.time };
  } finally {
    db.close();
  }
}

function tryGet<T>(db: Database.Database, sql: string): T | undefined {
  try {
    return db.prepare(sql).get([]) as T | undefined;
  } catch (err) {
    if (err instanceof Database.SqliteError) return undefined;
    throw err;
  }
}

function createInserts(db: Database.Database) {
  const entries = db.prepare('INSERT INTO keelson_entries VALUES (?, ?, ?, ?, ?, ?, ?)');
  const leases = db.prepare('INSERT INTO keelson_leases VALUES (?, ?, ?, ?, ?)');
  const tables = new Map<string, Database.Statement>();
  const tableOf = (name: string) => {
    const statement = tables.get(name) ?? db.prepare(`INSERT INTO "${name}" VALUES (?, ?, ?, ?, ?, ?)`);
    tables.set(name, statement);
    return statement;
  };
  return {
    entry: ({ first, last, time, batchId, previousHash, hash, body }: Entry) =>
      void entries.run([first, last, time, batchId, previousHash, hash, body]),
    document: (document: StateDocument) => void tableOf(document.collection).run(rowOf(document)),
    lease: ({ kind, id, fence, value, expireTime }: Lease) =>
      void leases.run([kind, id, fence, JSON.stringify(value), expireTime]),
  };
}

function inTransaction<T>(db: Database.Database, insert: (item: T) => void): (items: readonly T[]) => void {
  return (items) => {
    db.exec('BEGIN');
    for (const item of items) insert(item);
    db.exec('COMMIT');
  };
}
