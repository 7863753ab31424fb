import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { BSON, MongoClient } from 'mongodb';
import { backUp, restore } from '../../src/backup.js';
import { DOCUMENT_RESOURCES } from '../../src/document-services.js';
import { createLedger } from '../../src/ledger/ledger.js';
import { CACHE_KEYS_COLLECTION, createCachedLedger } from '../../src/repositories/cached-ledger.js';
import { DOCUMENTS_COLLECTION } from '../../src/repositories/documents.js';
import { declareResources } from '../../src/repositories/resource.js';
import { openStore } from '../../src/storage.js';
import { startMongoServer } from '../../tests/support/mongo-server.js';
import { SILENT_LOGGER } from '../../tests/support/silent-logger.js';
import type { Bench, BenchCase } from '../bench.js';
import { resultOf, type Result } from '../result.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const FIELDS_BYTES = { small: 60, '1 KiB': KIB };
const DOCUMENTS_PER_COMMIT = 500;
const CACHE_MIB = 64;
const CACHE_READER = 'read-into-the-cache';

// This file is also what the case runs in the process whose memory is read.
const [role, place = ''] = process.argv.slice(2);
if (role === CACHE_READER) await fillCache(place);

interface Where {
  readonly dataDir: string;
  readonly storeUrl: string | undefined;
}

interface Engine {
  readonly name: string;
  /** Gives an empty place, each time another one. */
  readonly newPlace: () => Promise<Where>;
  readonly bytesOf: (where: Where) => Promise<number>;
  readonly counts: readonly number[];
}

/** What a database is filled with. */
interface Filling {
  readonly count: number;
  readonly fieldsBytes: number;
}

export const size: BenchCase = {
  name: 'size',
  about:
    'bytes a document takes with its indexes and its place in the log, backups and restores, and memory a cached MiB takes',
  async run(bench) {
    const results: Result[] = [];
    for (const engine of [embedded(bench), ...(await mongo(bench))]) {
      for (const [kind, fieldsBytes] of Object.entries(FIELDS_BYTES)) {
        for (const count of engine.counts) {
          bench.say(`  size: ${count} documents, ${kind}, ${engine.name}`);
          const system = `${engine.name}, ${kind}, ${count} documents`;
          results.push(resultOf('size', system, { figures: await measure(bench, engine, { count, fieldsBytes }) }));
        }
      }
    }
    return [...results, await measureCache(bench)];
  },
};

async function measure(bench: Bench, engine: Engine, filling: Filling): Promise<Record<string, number>> {
  const [empty, full] = [await engine.newPlace(), await engine.newPlace()];
  await fill(empty, { ...filling, count: 0 });
  await fill(full, filling);
  const bytesPerDocument = ((await engine.bytesOf(full)) - (await engine.bytesOf(empty))) / filling.count;
  const file = join(await bench.folder(), 'backup');
  const backupSeconds = await secondsOf(() => backUp(full, file));
  const backupMiB = (await stat(file)).size / MIB;
  const target = await engine.newPlace();
  const restoreSeconds = await secondsOf(() => restore(target, file));
  return { bytesPerDocument, backupSeconds, backupMiB, restoreSeconds };
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1_000;
}

async function fill(where: Where, { count, fieldsBytes }: Filling): Promise<void> {
  const store = await openStore(where);
  const ledger = await createLedger({ store, logger: SILENT_LOGGER });
  await declareResources(ledger, DOCUMENT_RESOURCES);
  await ledger.declareCollections([CACHE_KEYS_COLLECTION]);
  for (let first = 0; first < count; first += DOCUMENTS_PER_COMMIT) {
    const writes = Array.from({ length: Math.min(DOCUMENTS_PER_COMMIT, count - first) }, (_, n) => ({
      kind: 'put' as const,
      collection: DOCUMENTS_COLLECTION,
      id: nameOf(first + n),
      value: { fields: fieldsOf(first + n, fieldsBytes) },
    }));
    await ledger.commit({ writes });
  }
  await ledger.close();
  await store.close();
}

function nameOf(n: number): string {
  return `collections/orders/documents/order-${n}`;
}

/** So many bytes of JSON, of which no two are the same. */
function fieldsOf(n: number, bytes: number): { n: number; state: string; text: string } {
  const fields = { n, state: 'open', text: '' };
  return { ...fields, text: `${n} `.repeat(bytes).slice(0, bytes - JSON.stringify(fields).length) };
}

function embedded(bench: Bench): Engine {
  return {
    name: 'embedded',
    counts: [10_000, 100_000],
    newPlace: async () => ({ dataDir: await bench.folder(), storeUrl: undefined }),
    bytesOf: async ({ dataDir }) => {
      const files = (await readdir(dataDir)).filter((name) => name.startsWith('keelson.db'));
      const sizes = await Promise.all(files.map(async (name) => (await stat(join(dataDir, name))).size));
      return sizes.reduce((sum, bytes) => sum + bytes, 0);
    },
  };
}

/** The server of the tests keeps everything in memory: what is counted is BSON, before MongoDB compresses it, without indexes. */
async function mongo(bench: Bench): Promise<readonly Engine[]> {
  const server = await startMongoServer();
  if (server === undefined) {
    bench.say('  size: no MongoDB server');
    return [];
  }
  bench.closing(server);
  let places = 0;
  return [
    {
      name: 'MongoDB, as BSON without indexes',
      // More is more than the server of the tests holds.
      counts: [10_000],
      newPlace: async () => ({ dataDir: '', storeUrl: server.urlOf(`keelson_size_${process.pid}_${(places += 1)}`) }),
      bytesOf: async ({ storeUrl = '' }) => {
        const client = await MongoClient.connect(storeUrl);
        let bytes = 0;
        for (const name of [DOCUMENTS_COLLECTION, 'keelson_entries']) {
          for await (const document of client.db().collection(name).find()) bytes += BSON.calculateObjectSize(document);
        }
        await client.close();
        return bytes;
      },
    },
  ];
}

async function measureCache(bench: Bench): Promise<Result> {
  const dataDir = await bench.folder();
  await fill({ dataDir, storeUrl: undefined }, { count: 100_000, fieldsBytes: KIB });
  const reader = fork(fileURLToPath(import.meta.url), [CACHE_READER, dataDir], { execArgv: ['--expose-gc'] });
  const [figures] = (await once(reader, 'message')) as [Record<string, number>];
  return resultOf('size', `cache of ${CACHE_MIB} MiB, 1 KiB`, { figures });
}

/** Reads documents until the cache is full, and tells what memory that took. */
async function fillCache(dataDir: string): Promise<void> {
  const store = await openStore({ dataDir, storeUrl: undefined });
  const ledger = await createLedger({ store, logger: SILENT_LOGGER });
  const cached = await createCachedLedger({ ledger, nearBytesMax: CACHE_MIB * MIB });
  await cached.get(DOCUMENTS_COLLECTION, nameOf(0));
  const before = residentBytes();
  let documents = 0;
  for (let held = -1; cached.cache.nearBytes() > held; documents += DOCUMENTS_PER_COMMIT) {
    held = cached.cache.nearBytes();
    const next = Array.from({ length: DOCUMENTS_PER_COMMIT }, (_, n) => nameOf(documents + n));
    await Promise.all(next.map((name) => cached.get(DOCUMENTS_COLLECTION, name)));
  }
  const grown = residentBytes() - before;
  const heldMiB = cached.cache.nearBytes() / MIB;
  await cached.close();
  await store.close();
  process.send?.({ documents, heldMiB, residentMiBPerCachedMiB: grown / MIB / heldMiB });
  process.disconnect();
}

function residentBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage().rss;
}
