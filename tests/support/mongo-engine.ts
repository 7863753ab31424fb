import { randomBytes } from 'node:crypto';
import { MongoClient } from 'mongodb';
import { openMongoStore } from '../../src/store/mongo/open-mongo-store.js';
import type { Store } from '../../src/store/store.js';
import type { Engine } from './engine.js';
import type { MongoServer } from './mongo-server.js';

/** A database of its own on a server. */
export function createMongoEngine(server: MongoServer): Engine & { readonly url: string } {
  const url = server.urlOf(`keelson_test_${randomBytes(6).toString('hex')}`);
  const opened = new Set<Store>();
  return {
    url,
    ordersByUtf16: !server.isReal,
    open: async () => {
      const store = await openMongoStore({ url });
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
