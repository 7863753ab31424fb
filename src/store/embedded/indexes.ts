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

/** Makes the indexes of a collection that are not there, and drops those that are no longer declared. */
export function declareIndexes(db: Database.Database, collection: string, indexes: readonly IndexDeclaration[]): void {
  const wanted = new Map(indexes.map((index) => [indexName(collection, index), index]));
  const listed = db
    .prepare(`SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND name LIKE 'keelson_index_%'`)
    .all([collection]) as { name: string }[];
  for (const { name } of listed) if (!wanted.has(name)) db.exec(`DROP INDEX "${name}"`);
  for (const [name, index] of wanted) {
    db.exec(`CREATE INDEX IF NOT EXISTS "${name}" ON "${collection}" (${indexColumns(index)})`);
  }
}
