import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import type Database from 'libsql';
import { ForeignDataError, NewerDataFormatError } from '../errors.js';
import { REQUESTS_COLLECTION } from '../requests.js';

/** Raised by one when an older release could no longer read what this one writes. */
export const DATA_FORMAT = 1;

// "KEEL" in ASCII.
const APPLICATION_ID = 0x4b45454c;

const MAGIC = Buffer.from('SQLite format 3\0');
const HEADER_BYTES = 100;
const USER_VERSION_OFFSET = 60;
const APPLICATION_ID_OFFSET = 68;

/**
 * Refuses a file that a newer release or another program wrote. It looks at the header of the file only, because even
 * to open a database may change it. Both numbers are therefore never left in the write-ahead log.
 */
export function checkDataFile(path: string): void {
  const header = readHeader(path);
  if (!header) return;
  if (!header.subarray(0, MAGIC.length).equals(MAGIC)) throw new ForeignDataError(path);
  const applicationId = header.readUInt32BE(APPLICATION_ID_OFFSET);
  // Zero is a database that was made and got no tables; `createSchema` looks closer.
  if (applicationId !== 0 && applicationId !== APPLICATION_ID) throw new ForeignDataError(path);
  const format = header.readUInt32BE(USER_VERSION_OFFSET);
  if (applicationId === APPLICATION_ID && format > DATA_FORMAT)
    throw new NewerDataFormatError(path, format, DATA_FORMAT);
}

/** Makes the tables of a new database in one transaction, and leaves one that has them as it is. */
export function createSchema(db: Database.Database, path: string): void {
  const tables = db.prepare('SELECT name FROM sqlite_master LIMIT 1').all([]);
  if (tables.length === 0) createTables(db);
  else if (checkedId(db) !== APPLICATION_ID) throw new ForeignDataError(path);
  // Files of the first releases have none.
  db.exec(LEASES_TABLE);
  for (const { name, table, column } of OWN_INDEXES)
    db.exec(`CREATE INDEX IF NOT EXISTS ${name} ON ${table} (${column})`);
}

/** The indexes that the engine itself needs. */
export const OWN_INDEXES = [
  { name: 'keelson_leases_by_time', table: 'keelson_leases', column: 'expire_time' },
  { name: 'keelson_requests_by_time', table: REQUESTS_COLLECTION, column: 'update_time' },
] as const;

const LEASES_TABLE = `
  CREATE TABLE IF NOT EXISTS keelson_leases (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    fence INTEGER NOT NULL,
    value TEXT NOT NULL,
    expire_time INTEGER NOT NULL,
    PRIMARY KEY (kind, id)
  ) STRICT, WITHOUT ROWID;`;

/** The SQL that makes the table of a collection: one row a document, the value as JSON text. */
export function documentTable(collection: string): string {
  return `CREATE TABLE IF NOT EXISTS "${collection}" (
    id TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL,
    revision INTEGER NOT NULL,
    create_revision INTEGER NOT NULL,
    create_time INTEGER NOT NULL,
    update_time INTEGER NOT NULL
  ) STRICT;`;
}

function createTables(db: Database.Database): void {
  // In the rollback journal, which is what a new file has, a transaction ends in the file itself and not beside it.
  db.exec(`
    BEGIN EXCLUSIVE;
    PRAGMA application_id = ${APPLICATION_ID};
    PRAGMA user_version = ${DATA_FORMAT};
    CREATE TABLE keelson_entries (
      first INTEGER NOT NULL PRIMARY KEY,
      last INTEGER NOT NULL,
      time INTEGER NOT NULL,
      batch_id TEXT NOT NULL,
      previous_hash TEXT NOT NULL,
      hash TEXT NOT NULL,
      body TEXT NOT NULL
    ) STRICT;
    CREATE TABLE keelson_database (id TEXT NOT NULL) STRICT;
    INSERT INTO keelson_database VALUES ('${randomUUID()}');
    CREATE TABLE keelson_floor (revision INTEGER NOT NULL, hash TEXT NOT NULL, time INTEGER NOT NULL) STRICT;
    CREATE TABLE keelson_collections (name TEXT NOT NULL PRIMARY KEY) STRICT;
    CREATE TABLE keelson_followers (name TEXT NOT NULL PRIMARY KEY, revision INTEGER NOT NULL) STRICT;
    ${documentTable(REQUESTS_COLLECTION)}
    COMMIT;
  `);
}

function checkedId(db: Database.Database): number {
  const row = db.prepare('PRAGMA application_id').get([]) as { application_id: number };
  return row.application_id;
}

// `undefined` if there is no file, or an empty one, which is what a crash leaves of a database that is being made.
function readHeader(path: string): Buffer | undefined {
  if (!existsSync(path)) return undefined;
  const header = Buffer.alloc(HEADER_BYTES);
  const file = openSync(path, 'r');
  try {
    return readSync(file, header, 0, HEADER_BYTES, 0) === 0 ? undefined : header;
  } finally {
    closeSync(file);
  }
}
