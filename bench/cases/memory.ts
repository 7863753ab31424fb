import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type ClientHttp2Session } from 'node:http2';
import { setTimeout as delay } from 'node:timers/promises';
import type { BenchCase } from '../bench.js';
import { frameOf, headersOf, type GrpcCall } from '../load/probe.js';
import { resultOf, type Result } from '../result.js';
import { startKeelson, startPeer, type Running } from '../systems.js';
import { idleCall } from './echo-call.js';

const CONNECTIONS = 1_000;
const STREAMS = 10_000;
const STREAMS_PER_CONNECTION = 200;
const KIB_PER_MIB = 1024;
/** How long a server is left alone before its memory is read. */
const SETTLE_MS = 3_000;

export const memory: BenchCase = {
  name: 'memory',
  about: `resident memory: idle, with ${CONNECTIONS} connections, and with ${STREAMS} streams that wait`,
  async run(bench) {
    const keelson = await startKeelson(bench);
    const peer = await startPeer(bench, 'grpc-js.mjs');
    return [await measure('keelson', keelson, keelson.token), await measure('grpc-js', peer)];
  },
};

async function measure(system: string, server: Running, token?: string): Promise<Result> {
  await delay(SETTLE_MS);
  const idleMiB = residentMiB(server.pid);
  const sessions = await openSessions(server.address, CONNECTIONS);
  await delay(SETTLE_MS);
  const connectionsMiB = residentMiB(server.pid);
  await closeSessions(sessions);

  const loaded = await openSessions(server.address, STREAMS / STREAMS_PER_CONNECTION);
  const call = idleCall({ address: server.address, ...(token !== undefined && { token }) });
  for (const session of loaded) {
    await Promise.all(Array.from({ length: STREAMS_PER_CONNECTION }, () => openStream(session, call)));
  }
  await delay(SETTLE_MS);
  const streamsMiB = residentMiB(server.pid);
  await closeSessions(loaded);
  return resultOf('memory', system, { figures: { idleMiB, connectionsMiB, streamsMiB } });
}

async function openSessions(address: string, count: number): Promise<ClientHttp2Session[]> {
  const sessions: ClientHttp2Session[] = [];
  for (let n = 0; n < count; n += 1) {
    const session = connect(`http://${address}`);
    session.on('error', () => undefined);
    await once(session, 'remoteSettings');
    sessions.push(session);
  }
  return sessions;
}

async function closeSessions(sessions: readonly ClientHttp2Session[]): Promise<void> {
  await Promise.all(
    sessions.map(async (session) => {
      const closed = once(session, 'close');
      session.destroy();
      await closed;
    }),
  );
}

/** Settles with the first answer, after which the stream says nothing more. */
async function openStream(session: ClientHttp2Session, call: GrpcCall): Promise<void> {
  const stream = session.request({ ':method': 'POST', ':path': call.path, ...headersOf(call) });
  stream.on('error', () => undefined);
  stream.end(frameOf(call.request));
  await Promise.race([once(stream, 'data'), once(stream, 'end').then(() => Promise.reject(new Error('Stream ended')))]);
}

function residentMiB(pid: number): number {
  const kib = Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  return kib / KIB_PER_MIB;
}
