import { createHash } from 'node:crypto';
import type Database from 'libsql';
import type { IndexDeclaration } from '../query/query.js';
import { indexColumns } from './sql-fields.js';

const HASH_DIGITS = 16;

/** The name of an index: one for what it is made of, so that another definition makes another index. */
export function indexName(collection: string, index: IndexDeclaration): string {
  const hash = createHash('sha256').update(indexColumns(index)).digest('hex').slice(0, HASH_DIGITS);
  return `keelson_index_${collection}_${hash}`;
}

/** Drops the indexes of a collection that are no longer declared. */
export function dropOtherIndexes(
  db: Database.Database,
  collection: string,
  indexes: readonly IndexDeclaration[],
): void {
  const wanted = new Set(indexes.map((index) => indexName(collection, index)));
  const listed = db
    .prepare(`SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND name LIKE 'keelson_index_%'`)
    .all([collection]) as { name: string }[];
  for (const { name } of listed) if (!wanted.has(name)) db.exec(`DROP INDEX "${name}"`);
}

/** Makes an index that is not there yet. */
export function createIndex(db: Database.Database, collection: string, index: IndexDeclaration): void {
  const name = indexName(collection, index);
  db.exec(`CREATE INDEX IF NOT EXISTS "${name}" ON "${collection}" (${indexColumns(index)})`);
}
