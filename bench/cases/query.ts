import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'libsql';
import { MongoClient } from 'mongodb';
import { CollectionServiceDefinition, IndexState } from '../../gen/keelson/documents/v1/collection_service.js';
import { DocumentServiceDefinition } from '../../gen/keelson/documents/v1/document_service.js';
import { createClient } from '../../src/rpc/client/create-client.js';
import { startMongoServer } from '../../tests/support/mongo-server.js';
import type { Bench, BenchCase } from '../bench.js';
import { h2loadContender } from '../load/h2load.js';
import type { GrpcCall } from '../load/probe.js';
import type { Result } from '../result.js';
import { startKeelson, startPeer, type RunningKeelson } from '../systems.js';

const DOCUMENTS = 2_000;
const CUSTOMERS = 20;
/** What one query finds. */
const FOUND = DOCUMENTS / CUSTOMERS;
const BATCH = 490;
const SHAPE = { connections: 4, streams: 4 };
const PARENT = 'collections/queried';
const LOOK_EVERY_MS = 50;
const CALL_MS_MAX = 600_000;

const { queryDocuments } = DocumentServiceDefinition.methods;

export const query: BenchCase = {
  name: 'query',
  about: `QueryDocuments that finds ${FOUND} of ${DOCUMENTS} documents by a declared index; rps counts documents, times are of queries`,
  run: async (bench) => [...(await onEmbedded(bench)), ...(await onMongo(bench))],
};

async function onEmbedded(bench: Bench): Promise<Result[]> {
  const server = await startKeelson(bench);
  await fill(server);
  const path = join(await bench.folder(), 'bare.db');
  fillSqlite(path);
  const byHand = await startPeer(bench, 'query-by-hand.mjs', 'sqlite', path);
  return compare(bench, { keelson: server, 'grpc-js and bare SQLite': byHand });
}

async function onMongo(bench: Bench): Promise<Result[]> {
  const mongo = await startMongoServer();
  if (mongo === undefined) {
    bench.say('  query: no MongoDB server');
    return [];
  }
  bench.closing(mongo);
  const settings = { KEELSON_STORE_URL: mongo.urlOf(`keelson_bench_${process.pid}`) };
  const server = await startKeelson(bench, { settings });
  await fill(server);
  const url = mongo.urlOf(`keelson_bench_plain_${process.pid}`);
  await fillMongo(url);
  const byHand = await startPeer(bench, 'query-by-hand.mjs', 'mongo', url);
  return compare(bench, { 'keelson on MongoDB': server, 'grpc-js and the cursor of the driver': byHand });
}

async function compare(bench: Bench, servers: Record<string, { address: string; token?: string }>): Promise<Result[]> {
  const options = { shape: SHAPE, messagesPerCall: FOUND };
  const contenders = Object.entries(servers).map(([system, server]) =>
    h2loadContender(bench, system, callOf(server), options),
  );
  return bench.compare('query', await Promise.all(contenders));
}

function callOf({ address, token }: { address: string; token?: string }): GrpcCall {
  const request = queryDocuments.requestType.fromPartial({ parent: PARENT, filter: 'fields.customer = "customer 17"' });
  const path = `/${DocumentServiceDefinition.fullName}/${queryDocuments.name}`;
  return { address, path, request: queryDocuments.requestType.encode(request).finish(), token };
}

/** Puts the documents into a server, and waits until it has built their index. */
async function fill({ address, token }: RunningKeelson): Promise<void> {
  const documents = createClient(DocumentServiceDefinition, { address, token });
  const collections = createClient(CollectionServiceDefinition, { address, token });
  await collections.createCollection({ collectionId: PARENT.slice('collections/'.length), collection: {} });
  const index = { orderBy: 'fields.customer' };
  await collections.createIndex({ parent: PARENT, indexId: 'by-customer', index });
  const isReady = async () =>
    (await collections.getIndex({ name: `${PARENT}/indexes/by-customer` })).state === IndexState.INDEX_STATE_READY;
  while (!(await isReady())) await delay(LOOK_EVERY_MS);
  const { importedCount } = await documents.importDocuments(requests(), { timeoutMs: CALL_MS_MAX });
  if (Number(importedCount) !== DOCUMENTS) throw new Error(`Of ${DOCUMENTS} documents, ${importedCount} are there`);
  documents.close();
  collections.close();
}

async function* requests() {
  const all = contents();
  for (let first = 0; first < all.length; first += BATCH) {
    const items = all.slice(first, first + BATCH).map(({ id, fields }) => ({
      documentId: id,
      content: { $case: 'json', value: JSON.stringify(fields) } as const,
    }));
    yield { parent: PARENT, items };
  }
}

/** The same documents, with what Keelson says of them, and the same index. */
function fillSqlite(path: string): void {
  const db = new Database(path);
  db.exec(`PRAGMA journal_mode = WAL;
    CREATE TABLE documents (id TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL, revision INTEGER NOT NULL,
      create_time INTEGER NOT NULL, update_time INTEGER NOT NULL) STRICT;
    CREATE INDEX by_customer ON documents (json_extract(value, '$.fields.customer'), id);`);
  const insert = db.prepare('INSERT INTO documents VALUES (?, ?, ?, ?, ?)');
  const now = Date.now();
  db.transaction(() => {
    for (const { id, fields } of contents()) {
      insert.run([`${PARENT}/documents/${id}`, JSON.stringify({ fields }), 1, now, now]);
    }
  })();
  db.close();
}

async function fillMongo(url: string): Promise<void> {
  const client = await new MongoClient(url).connect();
  const documents = client.db().collection<{ _id: string }>('documents');
  await documents.createIndex({ 'fields.customer': 1, _id: 1 });
  const now = new Date();
  const all = contents().map(({ id, fields }) => ({
    ...{ _id: `${PARENT}/documents/${id}`, fields, revision: 1, createTime: now, updateTime: now },
  }));
  for (let first = 0; first < all.length; first += BATCH) await documents.insertMany(all.slice(first, first + BATCH));
  await client.close();
}

function contents() {
  return Array.from({ length: DOCUMENTS }, (_, n) => ({
    id: `d${n}`,
    fields: { n, state: 'open', customer: `customer ${n % CUSTOMERS}`, total: n / 4 },
  }));
}
