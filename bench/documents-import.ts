// Documents imported a second through gRPC, beside what stores the same rows in batches of the same size on the same
// machine in the same run: bare SQLite, and the driver's insertMany. `node dist/bench/documents-import.js`
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import Database from 'libsql';
import { MongoClient } from 'mongodb';
import { DocumentServiceDefinition } from '../gen/keelson/documents/v1/document_service.js';
import { createClient } from '../src/rpc/client/create-client.js';
import { startMongoServer } from '../tests/support/mongo-server.js';
import { startServeProcess } from '../tests/support/serve-process.js';
import { printLine } from './print-line.js';

const ROUNDS = 3;
const DOCUMENTS = 20_000;
/** What an import puts into one commit. */
const BATCH = 245;
const MESSAGE_DOCUMENTS = 980;

interface Row {
  readonly id: string;
  readonly json: string;
}

await benchEmbedded();
await benchMongo();

async function benchEmbedded(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'keelson-bench-'));
  const server = await startServeProcess(join(directory, 'server'), {});
  const importer = openImporter(server.address, await server.readToken());
  const db = new Database(join(directory, 'plain.db'));
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
  db.exec('CREATE TABLE documents (id TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT');
  const insert = db.prepare('INSERT INTO documents VALUES (?, ?)');
  const insertAll = db.transaction((rows: readonly Row[]) => {
    for (const { id, json } of rows) insert.run([id, json]);
  });
  await compare('embedded', 'bare SQLite', {
    keelson: (rows) => importer.add(rows),
    peer: async (rows) => {
      for (let from = 0; from < rows.length; from += BATCH) insertAll(rows.slice(from, from + BATCH));
    },
  });
  db.close();
  importer.close();
  await server.end();
  await rm(directory, { recursive: true });
}

async function benchMongo(): Promise<void> {
  const mongo = await startMongoServer();
  if (!mongo) return printLine('import, mongo: skipped, there is no server');
  const directory = await mkdtemp(join(tmpdir(), 'keelson-bench-'));
  const url = mongo.urlOf(`keelson_bench_${process.pid}`);
  const server = await startServeProcess(directory, { KEELSON_STORE_URL: url });
  const importer = openImporter(server.address, await server.readToken());
  const client = new MongoClient(mongo.urlOf(`keelson_bench_plain_${process.pid}`), {
    writeConcern: { w: 'majority', journal: true },
  });
  const plain = client.db().collection<{ _id: string }>('documents');
  await compare('mongo', 'insertMany', {
    keelson: (rows) => importer.add(rows),
    peer: async (rows) => {
      for (let from = 0; from < rows.length; from += BATCH) {
        const documents = rows.slice(from, from + BATCH);
        await plain.insertMany(documents.map(({ id, json }) => ({ _id: id, ...(JSON.parse(json) as object) })));
      }
    },
  });
  importer.close();
  await client.close();
  await server.end();
  await mongo.stop();
  await rm(directory, { recursive: true });
}

interface Sides {
  readonly keelson: (rows: readonly Row[]) => Promise<unknown>;
  readonly peer: (rows: readonly Row[]) => Promise<unknown>;
}

async function compare(engine: string, peerName: string, { keelson, peer }: Sides): Promise<void> {
  const rates = { keelson: 0, peer: 0 };
  // Code is compiled and caches are filled first.
  await keelson(rowsOf('warm'));
  await peer(rowsOf('warm'));
  for (let round = 0; round < ROUNDS; round += 1) {
    const rows = rowsOf(`round${round}`);
    rates.keelson += (await rateOf(() => keelson(rows))) / ROUNDS;
    rates.peer += (await rateOf(() => peer(rows))) / ROUNDS;
  }
  const ratio = (rates.keelson / rates.peer).toFixed(2);
  const perSecond = (rate: number) => `${rate.toFixed(0)}/s`;
  printLine(
    `import, ${engine}: ${perSecond(rates.keelson)}, ${peerName} ${perSecond(rates.peer)}, ratio ${ratio} ` +
      `(${DOCUMENTS} documents a round, ${BATCH} in a transaction)`,
  );
}

async function rateOf(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (DOCUMENTS / (performance.now() - start)) * 1_000;
}

function rowsOf(round: string): readonly Row[] {
  return Array.from({ length: DOCUMENTS }, (_, n) => ({
    id: `${round}-${n}`,
    json: JSON.stringify({ n, state: 'open', customer: `customer ${n % 97}`, total: n / 4 }),
  }));
}

function openImporter(address: string, token: string) {
  const client = createClient(DocumentServiceDefinition, { address, token });
  const parent = 'collections/imported';
  return {
    add: async (rows: readonly Row[]) => {
      const { failedCount } = await client.importDocuments(
        (async function* () {
          for (let from = 0; from < rows.length; from += MESSAGE_DOCUMENTS) {
            const items = rows.slice(from, from + MESSAGE_DOCUMENTS);
            yield {
              parent,
              items: items.map(({ id, json }) => ({
                documentId: id,
                content: { $case: 'json', value: json } as const,
              })),
            };
          }
        })(),
      );
      if (failedCount > 0n) throw new Error(`${failedCount} documents were not imported`);
    },
    close: () => client.close(),
  };
}
