import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import type { Inspection, InspectionRequest, MissingIndex } from '../inspection.js';
import { orderText } from '../query/order-text.js';
import { indexName } from './indexes.js';
import { openReader } from './reader.js';
import { checkDataFile, OWN_INDEXES } from './schema.js';

/** Looks at the database in a data directory, whether or not a server has it open. Undefined where there is none. */
export function inspectEmbeddedDatabase(dataDir: string, request: InspectionRequest): Inspection | undefined {
  const path = join(dataDir, 'keelson.db');
  if (!existsSync(path)) return undefined;
  checkDataFile(path);
  const reader = openReader(path);
  try {
    const collections = reader.collections();
    const { collection, id } = request.document;
    const [document] = collections.includes(collection) ? reader.get({ collection, ids: [id], at: 0 }) : [];
    const wanted = request.indexes.filter((index) => collections.includes(index.collection));
    return { server: undefined, document, missingIndexes: findMissing(path, wanted) };
  } finally {
    reader.close();
  }
}

function findMissing(path: string, declared: InspectionRequest['indexes']): readonly MissingIndex[] {
  const db = new Database(path);
  try {
    const listed = db.prepare(`SELECT name FROM sqlite_master WHERE type = 'index'`).all([]) as { name: string }[];
    const known = new Set(listed.map(({ name }) => name));
    const wanted = declared.flatMap(({ collection, indexes }) =>
      indexes.map((index) => ({ name: indexName(collection, index), collection, index: orderText(index) })),
    );
    const own = OWN_INDEXES.map(({ name, table, column }) => ({ name, collection: table, index: column }));
    return [...wanted, ...own]
      .filter(({ name }) => !known.has(name))
      .map(({ collection, index }) => ({ collection, index }));
  } finally {
    db.close();
  }
}
