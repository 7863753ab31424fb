import Database from 'libsql';
import type { Entry } from '../entry.js';
import type { JsonObject } from '../json-value.js';
import type { Lease, LeaseName, LeaseScan } from '../lease.js';
import type { StateDocument } from '../state.js';
import type { IndexDeclaration, QueryRequest } from '../query/query.js';
import type { FollowerPosition, GetRequest, Position, ScanRequest } from '../store.js';
import { documentOfRow, type DocumentRow } from './document-row.js';
import { type Found, runQuery } from './queries.js';
import { idRangeSql, type IdRange } from './sql-range.js';

/**
 * The connection that reads. Its calls take microseconds and so run on the thread that serves calls. It sees what is
 * on the disk: SQLite shows a transaction to other connections only once the write-ahead log was flushed.
 */
export interface Reader {
  readonly databaseId: string;
  collections(): string[];
  tail(): Position | undefined;
  floor(): Position | undefined;
  entriesFrom(after: number, limit: number): Entry[];
  get(request: GetRequest): (StateDocument | undefined)[];
  scan(request: ScanRequest): StateDocument[];
  query(request: QueryRequest, indexes: readonly IndexDeclaration[]): Found;
  followers(): FollowerPosition[];
  lease(name: LeaseName): Lease | undefined;
  leases(scan: LeaseScan): Lease[];
  allLeases(after: LeaseName | undefined, limit: number): Lease[];
  /** Runs reads on one state of the database. */
  snapshot<T>(read: () => T): T;
  close(): void;
}

/** Opens a second connection to a database that the writer has opened. */
export function openReader(path: string): Reader {
  const db = new Database(path);
  db.exec('PRAGMA query_only = ON');
  const statements = prepareStatements(db);
  const tables = new Map<string, DocumentQueries>();
  const queriesFor = (collection: string) => queriesOf(db, tables, collection);
  const prepare = preparedOnce(db);
  const { id } = db.prepare('SELECT id FROM keelson_database').get([]) as { id: string };
  return {
    databaseId: id,
    collections: () => (statements.collections.all([]) as { name: string }[]).map(({ name }) => name),
    tail: () => toPosition(statements.tail.get([])),
    floor: () => toPosition(statements.floor.get([])),
    entriesFrom: (after, limit) => (statements.entries.all([after, after, after, limit]) as EntryRow[]).map(toEntry),
    get: (request) => getRows(request, queriesFor(request.collection)),
    scan: ({ collection, prefix, after, limit }) => {
      const { conditions, ids } = idRange({ prefix, after });
      const statement = prepare(`SELECT * FROM "${collection}" WHERE ${conditions} ORDER BY id LIMIT ?`);
      return (statement.all([...ids, limit]) as DocumentRow[]).map((row) => documentOfRow(collection, row));
    },
    query: (request, indexes) => runQuery(db, request, indexes),
    followers: () => statements.followers.all([]) as FollowerPosition[],
    lease: ({ kind, id: leaseId }) => {
      const row = statements.lease.get([kind, leaseId]);
      return row === undefined ? undefined : toLease(row as LeaseRow);
    },
    leases: ({ kind, prefix, after, limit }) => {
      const { conditions, ids } = idRange({ prefix, after });
      const statement = prepare(`SELECT * FROM keelson_leases WHERE kind = ? AND ${conditions} ORDER BY id LIMIT ?`);
      return (statement.all([kind, ...ids, limit]) as LeaseRow[]).map(toLease);
    },
    allLeases: (after, limit) =>
      (statements.allLeases.all([after?.kind ?? '', after?.id ?? '', limit]) as LeaseRow[]).map(toLease),
    snapshot: db.transaction((read: () => unknown) => read()) as Reader['snapshot'],
    close: () => db.close(),
  };
}

function prepareStatements(db: Database.Database) {
  return {
    collections: db.prepare('SELECT name FROM keelson_collections ORDER BY name'),
    tail: db.prepare('SELECT last AS revision, hash, time FROM keelson_entries ORDER BY first DESC LIMIT 1'),
    floor: db.prepare('SELECT revision, hash, time FROM keelson_floor'),
    // The entry that holds `after + 1` may begin before it.
    entries: db.prepare(`SELECT * FROM keelson_entries
      WHERE first >= coalesce((SELECT max(first) FROM keelson_entries WHERE first <= ? + 1), ?) AND last > ?
      AND first > coalesce((SELECT revision FROM keelson_floor), 0) ORDER BY first LIMIT ?`),
    followers: db.prepare('SELECT name, revision FROM keelson_followers ORDER BY name'),
    lease: db.prepare('SELECT * FROM keelson_leases WHERE kind = ? AND id = ?'),
    allLeases: db.prepare('SELECT * FROM keelson_leases WHERE (kind, id) > (?, ?) ORDER BY kind, id LIMIT ?'),
  };
}

/** Prepares each statement once: of ranges there are four forms. */
function preparedOnce(db: Database.Database): (sql: string) => Database.Statement {
  const prepared = new Map<string, Database.Statement>();
  return (sql) => {
    const known = prepared.get(sql) ?? db.prepare(sql);
    prepared.set(sql, known);
    return known;
  };
}

interface DocumentQueries {
  readonly get: Database.Statement;
  readonly getMany: Database.Statement;
}

function queriesOf(db: Database.Database, tables: Map<string, DocumentQueries>, name: string): DocumentQueries {
  const known = tables.get(name);
  if (known) return known;
  const prepared = {
    get: db.prepare(`SELECT * FROM "${name}" WHERE id = ?`),
    getMany: db.prepare(`SELECT * FROM "${name}" WHERE id IN (SELECT value FROM json_each(?))`),
  };
  tables.set(name, prepared);
  return prepared;
}

// A call of the driver costs more than the search of a row, so that many are asked for at once.
function getRows({ collection, ids }: GetRequest, { get, getMany }: DocumentQueries): (StateDocument | undefined)[] {
  const [first] = ids;
  if (first !== undefined && ids.length === 1) return [toDocument(collection, get.get([first]))];
  const rows = getMany.all([JSON.stringify(ids)]) as DocumentRow[];
  const rowOf = new Map(rows.map((row) => [row.id, row]));
  return ids.map((id) => toDocument(collection, rowOf.get(id)));
}

function idRange(range: IdRange): { readonly conditions: string; readonly ids: readonly string[] } {
  const ids: string[] = [];
  const conditions = idRangeSql(range, (id) => {
    ids.push(id);
    return '?';
  });
  return { conditions: conditions.join(' AND '), ids };
}

interface EntryRow extends Pick<Entry, 'first' | 'last' | 'time' | 'hash' | 'body'> {
  readonly batch_id: string;
  readonly previous_hash: string;
}

function toDocument(collection: string, row: unknown): StateDocument | undefined {
  return row === undefined ? undefined : documentOfRow(collection, row as DocumentRow);
}

function toEntry(row: EntryRow): Entry {
  const { first, last, time, hash, body } = row;
  return { first, last, time, batchId: row.batch_id, previousHash: row.previous_hash, hash, body };
}

interface LeaseRow extends Pick<Lease, 'kind' | 'id' | 'fence'> {
  readonly value: string;
  readonly expire_time: number;
}

function toLease({ kind, id, fence, value, expire_time: expireTime }: LeaseRow): Lease {
  return { kind, id, fence, value: JSON.parse(value) as JsonObject, expireTime };
}

function toPosition(row: unknown): Position | undefined {
  if (row === undefined) return undefined;
  const { revision, hash, time } = row as Position;
  return { revision, hash, time };
}
