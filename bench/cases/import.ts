import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import Database from 'libsql';
import { MongoClient } from 'mongodb';
import { DocumentServiceDefinition } from '../../gen/keelson/documents/v1/document_service.js';
import { createClient } from '../../src/rpc/client/create-client.js';
import { PARENT as PARENT_OF_ID } from '../../src/store/embedded/sql-fields.js';
import { startMongoServer } from '../../tests/support/mongo-server.js';
import type { Bench, BenchCase, Contender } from '../bench.js';
import type { Result } from '../result.js';
import { startKeelson, type RunningKeelson } from '../systems.js';

/** What an import puts into one commit, and a peer into one transaction or call. */
const BATCH = 490;
const MS_PER_SECOND = 1_000;
const CALL_MS_MAX = 600_000;
const PARENT = 'collections/imported';

interface Row {
  readonly id: string;
  readonly json: string;
}

let ids = 0;

export const importDocuments: BenchCase = {
  name: 'import',
  about: `documents that ImportDocuments takes in over gRPC, ${BATCH} in a commit, beside the same rows stored by hand`,
  run: async (bench) => [...(await onEmbedded(bench)), ...(await onMongo(bench))],
};

async function onEmbedded(bench: Bench): Promise<Result[]> {
  const folder = await bench.folder();
  const server = await startKeelson(bench, { cores: bench.cores.all });
  const bare = openBare(
    join(folder, 'bare.db'),
    '(id TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT',
    ({ id, json }) => [id, json],
  );
  const same = openBare(join(folder, 'same.db'), SAME_ROWS, ({ id, json }) => {
    const now = Date.now();
    return [`${PARENT}/documents/${id}`, `{"fields":${json}}`, 1, 1, now, now];
  });
  const results = await bench.compare('import', [
    contender('keelson', openImporter(bench, server)),
    contender('bare SQLite, id and value', oneByOne(bare.insert)),
    contender('bare SQLite, the same rows and indexes', oneByOne(same.insert)),
  ]);
  bare.close();
  same.close();
  return results.map(withoutLatency);
}

async function onMongo(bench: Bench): Promise<Result[]> {
  const mongo = await startMongoServer();
  if (mongo === undefined) {
    bench.say('  import: no MongoDB server');
    return [];
  }
  bench.closing(mongo);
  const url = mongo.urlOf(`keelson_bench_${process.pid}`);
  const server = await startKeelson(bench, { cores: bench.cores.all, settings: { KEELSON_STORE_URL: url } });
  const client = new MongoClient(mongo.urlOf(`keelson_bench_plain_${process.pid}`), {
    writeConcern: { w: 'majority', journal: true },
  });
  bench.closing({ stop: () => client.close() });
  const plain = client.db().collection<{ _id: string }>('documents');
  const results = await bench.compare('import', [
    contender('keelson on MongoDB', openImporter(bench, server)),
    contender(
      'insertMany',
      oneByOne((rows) => plain.insertMany(rows.map(({ id, json }) => ({ _id: id, ...(JSON.parse(json) as object) })))),
    ),
  ]);
  return results.map(withoutLatency);
}

/** The table and the indexes that documents lie in. */
const SAME_ROWS = `(id TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL, revision INTEGER NOT NULL,
    create_revision INTEGER NOT NULL, create_time INTEGER NOT NULL, update_time INTEGER NOT NULL) STRICT;
  CREATE INDEX by_create_time ON documents (${PARENT_OF_ID}, create_time, id);
  CREATE INDEX by_update_time ON documents (${PARENT_OF_ID}, update_time, id)`;

function openBare(path: string, table: string, rowOf: (row: Row) => unknown[]) {
  const db = new Database(path);
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE documents ${table};`);
  const places = rowOf({ id: '', json: '' }).map(() => '?');
  const statement = db.prepare(`INSERT INTO documents VALUES (${places.join(', ')})`);
  const insert = db.transaction((rows: readonly Row[]) => {
    for (const row of rows) statement.run(rowOf(row));
  });
  return { insert, close: () => db.close() };
}

type Store = (batches: Iterable<readonly Row[]>) => Promise<unknown>;

/** Stores batch after batch for so long. */
function contender(system: string, store: Store): Contender {
  return {
    system,
    load: async (durationMs) => {
      const began = performance.now();
      let count = 0;
      function* batches() {
        while (performance.now() - began < durationMs) {
          yield nextRows();
          count += BATCH;
        }
      }
      await store(batches());
      const rps = (count * MS_PER_SECOND) / (performance.now() - began);
      return { rps, p50Ms: Number.NaN, p99Ms: Number.NaN };
    },
  };
}

/** The peers take one batch after another. */
function oneByOne(add: (rows: readonly Row[]) => unknown): Store {
  return async (batches) => {
    for (const rows of batches) await add(rows);
  };
}

function nextRows(): readonly Row[] {
  return Array.from({ length: BATCH }, () => {
    const n = (ids += 1);
    return { id: `d${n}`, json: JSON.stringify({ n, state: 'open', customer: `customer ${n % 97}`, total: n / 4 }) };
  });
}

function openImporter(bench: Bench, { address, token }: RunningKeelson): Store {
  const client = createClient(DocumentServiceDefinition, { address, token });
  bench.closing({ stop: async () => client.close() });
  return async (batches) => {
    const { failedCount } = await client.importDocuments(requests(batches), { timeoutMs: CALL_MS_MAX });
    if (failedCount > 0n) throw new Error(`${failedCount} documents were not imported`);
  };
}

async function* requests(batches: Iterable<readonly Row[]>) {
  for (const rows of batches) {
    const items = rows.map(({ id, json }) => ({ documentId: id, content: { $case: 'json', value: json } as const }));
    yield { parent: PARENT, items };
  }
}

function withoutLatency(result: Result): Result {
  return { ...result, p50Ms: null, p99Ms: null };
}
