// Durable commits a second, with 64 callers of one write each, beside what a program without group commit does on the
// same machine in the same run: `node dist/bench/ledger-commits.js`
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import Database from 'libsql';
import { MongoClient } from 'mongodb';
import { createLedger, type Ledger } from '../src/ledger/ledger.js';
import { openEmbeddedStore } from '../src/store/embedded/open-embedded-store.js';
import { openMongoStore } from '../src/store/mongo/open-mongo-store.js';
import type { Store } from '../src/store/store.js';
import { startMongoServer } from '../tests/support/mongo-server.js';
import { SILENT_LOGGER } from '../tests/support/silent-logger.js';
import { printLine } from './print-line.js';

const CALLERS = 64;
const ROUND_MS = 2_000;
const ROUNDS = 3;

let ids = 0;

await benchEmbedded();
await benchMongo();

async function benchEmbedded(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'keelson-bench-'));
  const store = await openEmbeddedStore({ dataDir: join(directory, 'ledger') });
  const plain = openPlain(join(directory, 'plain.db'));
  const ledger = await openLedger(store);
  await compare('embedded', 'one fsync a commit', {
    ledger: () => putOne(ledger),
    peer: async () => plain.commitOne(),
  });
  await ledger.close();
  await store.close();
  plain.close();
  await rm(directory, { recursive: true });
}

async function benchMongo(): Promise<void> {
  const server = await startMongoServer();
  if (!server) return printLine('mongo: skipped, there is no server');
  const url = server.urlOf(`keelson_bench_${process.pid}`);
  const store = await openMongoStore({ url });
  const client = new MongoClient(url, { writeConcern: { w: 'majority', journal: true } });
  const ledger = await openLedger(store);
  const [log, state] = [client.db().collection('plain_log'), client.db().collection<{ _id: string }>('plain_state')];
  await compare('mongo', 'insertOne + updateOne a commit', {
    ledger: () => putOne(ledger),
    peer: async () => {
      const id = nextId();
      await log.insertOne({ id, value: { n: 1 } });
      await state.updateOne({ _id: id }, { $set: { value: { n: 1 } } }, { upsert: true });
    },
  });
  await ledger.close();
  await store.close();
  await client.close();
  await server.stop();
}

interface Sides {
  readonly ledger: () => Promise<unknown>;
  readonly peer: () => Promise<unknown>;
}

async function compare(engine: string, peerName: string, { ledger, peer }: Sides): Promise<void> {
  const rates = { ledger: 0, peer: 0 };
  // In turns, so that whatever else the machine does hits both.
  for (let round = 0; round < ROUNDS; round += 1) {
    rates.ledger += (await rateOf(ledger)) / ROUNDS;
    rates.peer += (await rateOf(peer)) / ROUNDS;
  }
  const ratio = (rates.ledger / rates.peer).toFixed(1);
  printLine(`${engine}: ledger ${rates.ledger.toFixed(0)}/s, ${peerName} ${rates.peer.toFixed(0)}/s, ratio ${ratio}`);
}

async function rateOf(call: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  let count = 0;
  const caller = async () => {
    while (performance.now() - start < ROUND_MS) {
      await call();
      count += 1;
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  return (count / (performance.now() - start)) * 1_000;
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
