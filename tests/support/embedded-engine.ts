import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbeddedStore } from '../../src/store/embedded/open-embedded-store.js';
import type { Entry } from '../../src/store/entry.js';
import type { Store } from '../../src/store/store.js';
import Database from 'libsql';
import type { Engine, Tamper } from './engine.js';

/** A database of the embedded engine in a directory of its own. */
export async function createEmbeddedEngine(): Promise<Engine & { readonly dataDir: string }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'keelson-'));
  const opened = new Set<Store>();
  return {
    dataDir,
    tamper: tamperWith(join(dataDir, 'keelson.db')),
    open: async () => {
      const store = await openEmbeddedStore({ dataDir });
      opened.add(store);
      return store;
    },
    destroy: async () => {
      for (const store of opened) await store.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

function tamperWith(path: string): Tamper {
  const run = async (sql: string, values: readonly unknown[]) => {
    const db = new Database(path);
    db.prepare(sql).run([...values]);
    db.close();
  };
  return {
    readEntry: async (wanted) => {
      const db = new Database(path);
      const row = db.prepare('SELECT * FROM keelson_entries WHERE first = ?').get([wanted]);
      db.close();
      const { first, last, time, batch_id: batchId, previous_hash: previousHash, hash, body } = row as StoredEntry;
      return { first, last, time, batchId, previousHash, hash, body };
    },
    writeEntry: ({ first, last, time, batchId, previousHash, hash, body }) =>
      run('INSERT OR REPLACE INTO keelson_entries VALUES (?, ?, ?, ?, ?, ?, ?)', [
        first,
        last,
        time,
        batchId,
        previousHash,
        hash,
        body,
      ]),
    removeEntry: (first) => run('DELETE FROM keelson_entries WHERE first = ?', [first]),
    writeDocument: ({ collection, id, value, revision, createRevision, createTime, updateTime }) =>
      run(`INSERT OR REPLACE INTO "${collection}" VALUES (?, ?, ?, ?, ?, ?)`, [
        id,
        JSON.stringify(value),
        revision,
        createRevision,
        createTime,
        updateTime,
      ]),
    removeDocument: (collection, id) => run(`DELETE FROM "${collection}" WHERE id = ?`, [id]),
  };
}

interface StoredEntry extends Entry {
  readonly batch_id: string;
  readonly previous_hash: string;
}
