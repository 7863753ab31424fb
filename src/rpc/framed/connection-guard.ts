import type { Socket } from 'node:net';
import type { Connection } from './connection.js';

/** How long a new connection may take to speak HTTP/2, and any connection to send a block of headers. */
export const GREETING_MS_MAX = 10_000;

/** A silent peer is asked after this time whether it is still there, and given up when it says nothing for as long. */
const KEEPALIVE_MS = 60_000;

/** Watches over the connections of a server. */
export interface ConnectionGuard {
  /** Cuts off a connection that is not HTTP/2, or is slow about it, or whose peer has vanished. */
  watch(connection: Connection, socket: Socket): void;
  /** Says GOAWAY on every connection: running calls may end, new ones go elsewhere. */
  goAway(): void;
  /** Cuts every connection. */
  destroy(): void;
  /** Stops watching. */
  close(): void;
}

export function createConnectionGuard(): ConnectionGuard {
  const connections = new Set<Connection>();
  let isGoing = false;
  const slowTimer = setInterval(() => cutSlow(connections), GREETING_MS_MAX / 2).unref();
  const keepaliveTimer = setInterval(() => {
    for (const connection of [...connections]) connection.keepAlive();
  }, KEEPALIVE_MS).unref();
  return {
    watch(connection, socket) {
      connections.add(connection);
      socket.once('close', () => connections.delete(connection));
      // One that was in its handshake when the others were told.
      if (isGoing) connection.goAway();
    },
    goAway() {
      isGoing = true;
      for (const connection of [...connections]) connection.goAway();
    },
    destroy() {
      for (const connection of [...connections]) connection.destroy();
    },
    close() {
      clearInterval(slowTimer);
      clearInterval(keepaliveTimer);
    },
  };
}

function cutSlow(connections: ReadonlySet<Connection>): void {
  const beforeMs = performance.now() - GREETING_MS_MAX;
  for (const connection of [...connections]) if (connection.isSlowSince(beforeMs)) connection.destroy();
}
