import { fork } from 'node:child_process';
import { connect, type ClientHttp2Session } from 'node:http2';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  DocumentServiceDefinition,
  WatchDocumentsRequest,
  WatchDocumentsResponse,
} from '../../gen/keelson/documents/v1/document_service.js';
import { createClient } from '../../src/rpc/client/create-client.js';
import type { Bench, BenchCase } from '../bench.js';
import { resultOf, type Result } from '../result.js';
import { quantile } from '../statistics.js';
import { startKeelson } from '../systems.js';

const WATCHERS = 1_000;
const WATCHERS_PER_CONNECTION = 125;
const CHANGES = 1_000;
const CHANGES_PER_SECOND = 100;
// Connections and code are cold at first.
const WARM_UP = 100;
const PARENT = 'collections/watched';
// On a busy machine the case is to say how late it is, and not to fail.
const CALL_MS_MAX = 120_000;
const FRAME_HEADER_BYTES = 5;

const READ_MAX = 64;
const read = new Map<string, readonly number[]>();

const WATCHERS_ROLE = 'watch-fanout-watchers';

// This file is also what the case runs in the process of the watchers.
const [role, address = '', token = ''] = process.argv.slice(2);
if (role === WATCHERS_ROLE) await runWatchers();

export const watchFanout: BenchCase = {
  name: 'watch-fanout',
  about: `from the call that changes a document to the last of ${WATCHERS} watchers, at ${CHANGES_PER_SECOND} changes a second`,
  run: async (bench) => [
    await measure(bench, 'framed'),
    await measure(bench, 'http2'),
    await measure(bench, 'grpc-js'),
  ],
};

async function measure(bench: Bench, transport: string): Promise<Result> {
  // A machine that does other things as well is late; that is to be measured, and not to be refused.
  const settings = { KEELSON_GRPC_TRANSPORT: transport, KEELSON_LATENESS_MS_MAX: '60000' };
  const server = await startKeelson(bench, { settings });
  const watchers = fork(fileURLToPath(import.meta.url), [WATCHERS_ROLE, server.address, server.token]);
  bench.closing({ stop: async () => watchers.kill() });
  await new Promise((resolve) => void watchers.once('message', resolve));
  const told = new Promise<number[]>((resolve) => void watchers.once('message', (at) => resolve(at as number[])));
  const calledAt = await change(server.address, server.token);
  const lastAt = await told;
  await server.stop();
  watchers.kill();
  const delays = lastAt.map((at, n) => at - (calledAt[n] ?? 0)).slice(WARM_UP);
  const figures = { watchers: WATCHERS };
  return resultOf('watch-fanout', `keelson on ${transport}`, {
    p50Ms: quantile(delays, 0.5),
    p99Ms: quantile(delays, 0.99),
    figures,
  });
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
    calls.push(client.commitDocuments({ parent: PARENT, writes }, { timeoutMs: CALL_MS_MAX }));
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
