// From the call that changes a document to the last of 1000 watchers of one server, at 100 changes a second:
// `node dist/bench/documents-watch.js`
import { fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type ClientHttp2Session } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  DocumentServiceDefinition,
  WatchDocumentsRequest,
  WatchDocumentsResponse,
} from '../gen/keelson/documents/v1/document_service.js';
import { createClient } from '../src/rpc/client/create-client.js';
import { startServeProcess } from '../tests/support/serve-process.js';
import { printLine } from './print-line.js';

const WATCHERS = 1_000;
const WATCHERS_PER_CONNECTION = 125;
const CHANGES = 1_000;
const CHANGES_PER_SECOND = 100;
// Connections and code are cold at first.
const WARM_UP = 100;
const PARENT = 'collections/watched';
const FRAME_HEADER_BYTES = 5;

const READ_MAX = 64;
const read = new Map<string, readonly number[]>();

const [role, address = '', token = ''] = process.argv.slice(2);
if (role === 'watchers') await runWatchers();
else for (const transport of ['grpc-js', 'http2', 'framed']) await bench(transport);

async function bench(transport: string): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'keelson-bench-'));
  // A machine that does other things as well is late; that is to be measured, and not to be refused.
  const settings = { KEELSON_GRPC_TRANSPORT: transport, KEELSON_LATENESS_MS_MAX: '60000' };
  const server = await startServeProcess(directory, settings);
  const secret = await server.readToken();
  const watchers = fork(fileURLToPath(import.meta.url), ['watchers', server.address, secret]);
  await new Promise((resolve) => void watchers.once('message', resolve));
  const told = new Promise<number[]>((resolve) => void watchers.once('message', (at) => resolve(at as number[])));
  const calledAt = await change(server.address, secret);
  const lastAt = await told;
  const delays = lastAt.map((at, n) => at - (calledAt[n] ?? 0)).slice(WARM_UP);
  const sorted = delays.sort((a, b) => a - b);
  const share = (part: number) => (sorted[Math.floor(sorted.length * part)] ?? Number.NaN).toFixed(0);
  printLine(
    `watch, ${transport}: a change reaches the last of ${WATCHERS} watchers within ${share(0.5)} ms (median), ${share(0.99)} ms (99 of 100), ` +
      `from its call, at ${CHANGES_PER_SECOND} changes a second`,
  );
  watchers.kill();
  await server.end();
  await rm(directory, { recursive: true });
}

/** Changes documents at an even pace, and gives when each call was made. */
async function change(server: string, secret: string): Promise<number[]> {
  const client = createClient(DocumentServiceDefinition, { address: server, token: secret });
  const calledAt: number[] = [];
  const calls: Promise<unknown>[] = [];
  const start = performance.now();
  for (let n = 0; n < CHANGES; n += 1) {
    await delay(Math.max(0, start + (n * 1_000) / CHANGES_PER_SECOND - performance.now()));
    calledAt.push(now());
    const name = `${PARENT}/documents/d${n % 50}`;
    const writes = [{ operation: { $case: 'update', value: { name, fields: { n } } } as const }];
    calls.push(client.commitDocuments({ parent: PARENT, writes }));
  }
  await Promise.all(calls);
  client.close();
  return calledAt;
}

/** Watches over as many connections as are needed, and tells when each change had reached all. */
async function runWatchers(): Promise<void> {
  const counts = Array.from({ length: CHANGES }, () => 0);
  const lastAt = Array.from({ length: CHANGES }, () => 0);
  let ready = 0;
  let complete = 0;
  const onMessage = (bytes: Buffer, isFirst: boolean) => {
    if (isFirst) {
      ready += 1;
      if (ready === WATCHERS) process.send?.('ready');
    }
    for (const n of readChanges(bytes)) {
      counts[n] = (counts[n] ?? 0) + 1;
      if (counts[n] !== WATCHERS) continue;
      lastAt[n] = now();
      complete += 1;
      if (complete === CHANGES) process.send?.(lastAt);
    }
  };
  for (let first = 0; first < WATCHERS; first += WATCHERS_PER_CONNECTION) {
    const session = connect(`http://${address}`);
    for (let index = 0; index < WATCHERS_PER_CONNECTION; index += 1) watch(session, onMessage);
  }
}

/** The numbers in a message. All watchers get the same ones, and each is decoded once: it is the server that is measured. */
function readChanges(bytes: Buffer): readonly number[] {
  const key = bytes.toString('latin1');
  const known = read.get(key);
  if (known !== undefined) return known;
  const { changes } = WatchDocumentsResponse.decode(bytes);
  const numbers = changes.flatMap(({ change: told }) =>
    told?.$case === 'put' ? [Number(told.value.fields?.['n'])] : [],
  );
  for (const oldest of read.keys()) {
    if (read.size < READ_MAX) break;
    read.delete(oldest);
  }
  read.set(key, numbers);
  return numbers;
}

/** One call, straight on HTTP/2: a client library would cost more than the server that is measured. */
function watch(session: ClientHttp2Session, onMessage: (bytes: Buffer, isFirst: boolean) => void): void {
  const stream = session.request({
    ':method': 'POST',
    ':path': '/keelson.documents.v1.DocumentService/WatchDocuments',
    'content-type': 'application/grpc',
    te: 'trailers',
    authorization: `Bearer ${token}`,
  });
  const request = WatchDocumentsRequest.encode(WatchDocumentsRequest.fromPartial({ parent: PARENT })).finish();
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  header.writeUInt32BE(request.length, 1);
  stream.end(Buffer.concat([header, request]));
  let rest: Buffer = Buffer.alloc(0);
  let isFirst = true;
  stream.on('data', (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= FRAME_HEADER_BYTES) {
      const end = FRAME_HEADER_BYTES + rest.readUInt32BE(1);
      if (rest.length < end) return;
      onMessage(rest.subarray(FRAME_HEADER_BYTES, end), isFirst);
      isFirst = false;
      rest = rest.subarray(end);
    }
  });
}

function now(): number {
  return performance.timeOrigin + performance.now();
}
