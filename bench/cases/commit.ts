import { join } from 'node:path';
import Database from 'libsql';
import { MongoClient } from 'mongodb';
import { createLedger, type Ledger } from '../../src/ledger/ledger.js';
import { openEmbeddedStore } from '../../src/store/embedded/open-embedded-store.js';
import { openMongoStore } from '../../src/store/mongo/open-mongo-store.js';
import type { Store } from '../../src/store/store.js';
import { startMongoServer } from '../../tests/support/mongo-server.js';
import { SILENT_LOGGER } from '../../tests/support/silent-logger.js';
import type { Bench, BenchCase } from '../bench.js';
import type { Result } from '../result.js';
import { callersContender } from './in-process.js';

let ids = 0;

export const commit: BenchCase = {
  name: 'commit',
  about: 'durable commits of one write each by 64 callers, in this process, beside what does without group commit',
  run: async (bench) => [...(await onEmbedded(bench)), ...(await onMongo(bench))],
};

async function onEmbedded(bench: Bench): Promise<Result[]> {
  const folder = await bench.folder();
  const store = await openEmbeddedStore({ dataDir: join(folder, 'ledger') });
  const plain = openPlain(join(folder, 'plain.db'));
  const ledger = await openLedger(store);
  const results = await bench.compare('commit', [
    callersContender('keelson', () => putOne(ledger)),
    callersContender('one fsync a commit', async () => plain.commitOne()),
  ]);
  await ledger.close();
  await store.close();
  plain.close();
  return results;
}

async function onMongo(bench: Bench): Promise<Result[]> {
  const server = await startMongoServer();
  if (server === undefined) {
    bench.say('  commit: no MongoDB server');
    return [];
  }
  bench.closing(server);
  const url = server.urlOf(`keelson_bench_${process.pid}`);
  const store = await openMongoStore({ url });
  const client = new MongoClient(url, { writeConcern: { w: 'majority', journal: true } });
  const ledger = await openLedger(store);
  const [log, state] = [client.db().collection('plain_log'), client.db().collection<{ _id: string }>('plain_state')];
  const results = await bench.compare('commit', [
    callersContender('keelson on MongoDB', () => putOne(ledger)),
    callersContender('insertOne + updateOne a commit', async () => {
      const id = nextId();
      await log.insertOne({ id, value: { n: 1 } });
      await state.updateOne({ _id: id }, { $set: { value: { n: 1 } } }, { upsert: true });
    }),
  ]);
  await ledger.close();
  await store.close();
  await client.close();
  return results;
}

async function openLedger(store: Store): Promise<Ledger> {
  const ledger = await createLedger({ store, logger: SILENT_LOGGER });
  await ledger.declareCollections(['orders']);
  return ledger;
}

function putOne(ledger: Ledger): Promise<unknown> {
  return ledger.commit({ writes: [{ kind: 'put', collection: 'orders', id: nextId(), value: { n: 1 } }] });
}

/** The same two writes in the same kind of file, each commit with an fsync of its own. */
function openPlain(path: string): { commitOne(): void; close(): void } {
  const db = new Database(path);
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
  db.exec('CREATE TABLE log (body TEXT); CREATE TABLE state (id TEXT PRIMARY KEY, value TEXT);');
  const insert = db.prepare('INSERT INTO log VALUES (?)');
  const upsert = db.prepare('INSERT OR REPLACE INTO state VALUES (?, ?)');
  const commitOne = db.transaction((id: string) => {
    insert.run([JSON.stringify({ id, value: { n: 1 } })]);
    upsert.run([id, '{"n":1}']);
  });
  return { commitOne: () => commitOne(nextId()), close: () => db.close() };
}

function nextId(): string {
  ids += 1;
  return `o-${ids}`;
}
