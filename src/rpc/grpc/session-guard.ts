import { constants, type ServerHttp2Session } from 'node:http2';

/** A peer may send so many pings at once, and one more each second, unless it gets answers to calls in between. */
const PINGS_MAX = 100;
const MS_PER_PING = 1000;

/** How long a new connection may take to speak HTTP/2. */
const HANDSHAKE_MS_MAX = 10_000;

/** A silent peer is asked after this time whether it is still there, and given up when it says nothing for as long. */
const KEEPALIVE_MS = 60_000;

/** Watches over the connections of a server. */
export interface SessionGuard {
  /** Cuts off a connection that floods, is not HTTP/2, or whose peer has vanished. */
  watch(session: ServerHttp2Session): void;
  /** Says GOAWAY on every connection: running calls may end, new ones go elsewhere. */
  goAway(): void;
  /** Cuts every connection. */
  destroy(): void;
  /** Stops watching. */
  close(): void;
}

interface Watched {
  bornMs: number;
  greeted: boolean;
  pings: number;
  pingsSinceMs: number;
  awaitsPong: boolean;
}

export function createSessionGuard(): SessionGuard {
  const sessions = new Map<ServerHttp2Session, Watched>();
  const handshakeTimer = setInterval(() => cutSilent(sessions), HANDSHAKE_MS_MAX / 2).unref();
  const keepaliveTimer = setInterval(() => pingAll(sessions), KEEPALIVE_MS).unref();
  return {
    watch: (session) => watch(sessions, session),
    goAway() {
      for (const session of [...sessions.keys()]) session.close();
    },
    destroy() {
      for (const session of [...sessions.keys()]) session.destroy();
    },
    close() {
      clearInterval(handshakeTimer);
      clearInterval(keepaliveTimer);
    },
  };
}

function watch(sessions: Map<ServerHttp2Session, Watched>, session: ServerHttp2Session): void {
  const nowMs = performance.now();
  const watched: Watched = { bornMs: nowMs, greeted: false, pings: 0, pingsSinceMs: nowMs, awaitsPong: false };
  sessions.set(session, watched);
  session.once('close', () => sessions.delete(session));
  // What is wrong with a connection is its peer's affair; 'close' follows.
  session.on('error', () => undefined);
  session.once('remoteSettings', () => {
    watched.greeted = true;
  });
  session.on('stream', () => {
    watched.pings = 0;
  });
  session.on('ping', () => countPing(session, watched));
}

/** As grpc-go does (keepalive.EnforcementPolicy), but by rate: some clients measure bandwidth with pings. */
function countPing(session: ServerHttp2Session, watched: Watched): void {
  const nowMs = performance.now();
  const forgiven = (nowMs - watched.pingsSinceMs) / MS_PER_PING;
  watched.pings = Math.max(0, watched.pings - forgiven) + 1;
  watched.pingsSinceMs = nowMs;
  if (watched.pings > PINGS_MAX && !session.destroyed) {
    session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, 0, Buffer.from('too_many_pings'));
    session.destroy();
  }
}

function cutSilent(sessions: ReadonlyMap<ServerHttp2Session, Watched>): void {
  const beforeMs = performance.now() - HANDSHAKE_MS_MAX;
  for (const [session, { greeted, bornMs }] of [...sessions]) {
    if (!greeted && bornMs < beforeMs) session.destroy();
  }
}

function pingAll(sessions: ReadonlyMap<ServerHttp2Session, Watched>): void {
  for (const [session, watched] of [...sessions]) {
    if (watched.awaitsPong) session.destroy();
    else if (!session.closed) ping(session, watched);
  }
}

function ping(session: ServerHttp2Session, watched: Watched): void {
  watched.awaitsPong = session.ping((err) => {
    watched.awaitsPong = err !== null;
  });
}
