// Imports the countries of the world, reads and changes one, and shows what happens to a change based on an old read.
// It starts a server of its own on free ports and a temporary folder, unless KEELSON_ADDRESS and KEELSON_TOKEN name one
// that runs (and KEELSON_HTTP its shim, where that is not http://127.0.0.1:8080).
import { createRequire } from 'node:module';
import { DocumentServiceDefinition } from '../gen/keelson/documents/v1/document_service.js';
import { CallError } from '../src/rpc/client/call-error.js';
import { createClient, type ServiceClient } from '../src/rpc/client/create-client.js';
import { findServer } from './server.js';

interface Country {
  readonly cca3: string;
  readonly name: { readonly common: string };
  readonly [key: string]: unknown;
}

type DocumentClient = ServiceClient<typeof DocumentServiceDefinition>;

const COLLECTION = `collections/countries-${Date.now().toString(36)}`;
const CONCURRENCY = 32;

const countries = createRequire(import.meta.url)('world-countries') as readonly Country[];
const server = await findServer();
const documents = createClient(DocumentServiceDefinition, server);
try {
  await importAll(documents);
  await listAll(documents);
  const etag = await readOverGrpc(documents);
  await readOverHttp();
  await updateTwice(documents, etag);
} finally {
  documents.close();
  await server.stop();
}

async function importAll(client: DocumentClient): Promise<void> {
  const startMs = performance.now();
  const waiting = [...countries];
  const worker = async () => {
    for (let country = waiting.pop(); country !== undefined; country = waiting.pop()) {
      await client.createDocument({ parent: COLLECTION, documentId: country.cca3, document: { fields: country } });
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  const ms = performance.now() - startMs;
  say('import', `${countries.length} countries in ${Math.round(ms)} ms, each one durable before it was answered`);
}

async function listAll(client: DocumentClient): Promise<void> {
  const names: string[] = [];
  let pages = 0;
  for (let pageToken = ''; pages === 0 || pageToken !== ''; pages += 1) {
    const page = await client.listDocuments({ parent: COLLECTION, pageSize: 100, pageToken });
    names.push(...page.documents.map(({ name }) => name));
    pageToken = page.nextPageToken;
  }
  say('list', `${names.length} documents in ${pages} pages, from ${shortName(names[0])} to ${shortName(names.at(-1))}`);
}

/** Gives the etag of what it read. */
async function readOverGrpc(client: DocumentClient): Promise<string> {
  const document = await client.getDocument({ name: `${COLLECTION}/documents/AUT` });
  const { name, capital } = document.fields as unknown as Country & { capital: string[] };
  say('gRPC', `${name.common}, capital ${capital.join()}, revision ${document.revision}, etag ${document.etag}`);
  return document.etag;
}

async function readOverHttp(): Promise<void> {
  const url = `${server.http}/v1/${COLLECTION}/documents/NZL`;
  const response = await fetch(url, { headers: { authorization: `Bearer ${server.token}` } });
  const { fields } = (await response.json()) as { fields: Country & { flag: string; area: number } };
  say('HTTP', `${fields.flag} ${fields.name.common}, ${fields.area.toLocaleString('en')} km² (${response.status})`);
}

async function updateTwice(client: DocumentClient, etag: string): Promise<void> {
  const document = { name: `${COLLECTION}/documents/AUT`, etag, fields: { motto: 'A.E.I.O.U.' } };
  const updated = await client.updateDocument({ document, updateMask: ['fields.motto'] });
  say('update', `with etag ${etag}: done, the etag is now ${updated.etag}`);
  try {
    await client.updateDocument({ document, updateMask: ['fields.motto'] });
  } catch (err) {
    if (!(err instanceof CallError)) throw err;
    say('again', `with etag ${etag}, which is stale: ${err.codeName}, ${err.reason}`);
    say('', err.message);
    return;
  }
  throw new Error('A stale etag was accepted');
}

function shortName(name = ''): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

function say(step: string, what: string): void {
  process.stdout.write(`  ${step.padEnd(8)}${what}\n`);
}
