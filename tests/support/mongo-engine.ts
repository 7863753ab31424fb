import { randomBytes } from 'node:crypto';
import { MongoClient } from 'mongodb';
import { openMongoStore } from '../../src/store/mongo/open-mongo-store.js';
import type { Store } from '../../src/store/store.js';
import type { Entry } from '../../src/store/entry.js';
import { type LedgerCollections, ledgerCollections } from '../../src/store/mongo/database.js';
import { toEntry, toStoredDocument, toStoredEntry } from '../../src/store/mongo/documents.js';
import type { Engine, Tamper } from './engine.js';
import type { MongoServer } from './mongo-server.js';

export interface MongoEngineOptions {
  /** The clock by which a store tells whether its process was away. */
  readonly elapsed?: () => number;
}

/** A database of its own on a server. */
export function createMongoEngine(
  server: MongoServer,
  options: MongoEngineOptions = {},
): Engine & { readonly url: string } {
  const url = server.urlOf(`keelson_test_${randomBytes(6).toString('hex')}`);
  const opened = new Set<Store>();
  return {
    url,
    tamper: tamperWith(url),
    ordersByUtf16: !server.isReal,
    open: async () => {
      const store = await openMongoStore({ url, ...options });
      opened.add(store);
      return store;
    },
    destroy: async () => {
      for (const store of opened) await store.close();
      // The packaged server cannot drop a database, and keeps nothing.
      if (server.isReal) await dropDatabase(url);
    },
  };
}

async function dropDatabase(url: string): Promise<void> {
  const client = new MongoClient(url);
  await client.db().dropDatabase();
  await client.close();
}

function tamperWith(url: string): Tamper {
  const run = async <T>(work: (collections: LedgerCollections) => Promise<T>) => {
    const client = new MongoClient(url);
    try {
      return await work(ledgerCollections(client.db()));
    } finally {
      await client.close();
    }
  };
  const replace = async ({ entries }: LedgerCollections, entry: Entry) => {
    const { _id, ...stored } = toStoredEntry(entry);
    await entries.replaceOne({ _id }, stored, { upsert: true });
  };
  return {
    readEntry: (first) =>
      run(async ({ entries }) => {
        const found = await entries.findOne({ _id: first });
        if (!found) throw new Error(`Cannot read entry ${first}: it is missing`);
        return toEntry(found);
      }),
    writeEntry: (entry) => run((collections) => replace(collections, entry)),
    removeEntry: (first) => run(async ({ entries }) => void (await entries.deleteOne({ _id: first }))),
    writeDocument: (document) =>
      run(async (collections) => {
        const { _id, ...stored } = toStoredDocument({ ...document, document });
        await collections.documents(document.collection).replaceOne({ _id }, stored, { upsert: true });
      }),
    removeDocument: (collection, id) =>
      run(async (collections) => void (await collections.documents(collection).deleteOne({ _id: id }))),
  };
}
