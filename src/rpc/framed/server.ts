import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import type { CallStream } from '../grpc/call-stream.js';
import { createCallHandler } from '../grpc/handlers.js';
import { limitConnections, listen } from '../grpc/listener.js';
import { createPatience } from '../grpc/patience.js';
import { readPeer } from '../grpc/peer.js';
import type { GrpcServer, GrpcServerDeps } from '../grpc/server.js';
import { DEFAULT_LIMITS } from '../limits.js';
import { splitAddress } from '../server-figures.js';
import { serverOptions, type Tls } from '../tls.js';
import { Connection, type ConnectionDeps } from './connection.js';
import { createConnectionGuard, GREETING_MS_MAX } from './connection-guard.js';
import { FlushQueue } from './output.js';

/** What a client that speaks HTTP/2 over TLS asks for (RFC 9113, section 3.2). */
const ALPN = 'h2';

/**
 * Serves the method table over gRPC on sockets: HTTP/2 is in this folder. It has what gRPC needs of RFC 9113 and nothing
 * else; an object of Node's for each stream, and the way through its engine for each frame, are what this saves.
 */
export function createFramedServer(deps: GrpcServerDeps): GrpcServer {
  const { table, dispatcher, log, limits = DEFAULT_LIMITS, tls, figures, connections } = deps;
  const guard = createConnectionGuard();
  const patience = createPatience<object>(limits.requestTimeoutMs);
  const queue = new FlushQueue();
  const handle: (stream: CallStream) => void = createCallHandler({ table, dispatcher, limits, patience });
  const server = openServer(tls, (socket) => {
    const watch = figures?.connect(socket);
    const parts: ConnectionDeps = { socket, peer: readPeer(socket), limits, queue, watch, handle };
    guard.watch(new Connection(parts), socket);
    if (watch !== undefined) socket.once('close', () => watch.close());
  });
  limitConnections(server, limits, log);
  connections?.watch('grpc', server);
  let closed: Promise<void> | undefined;
  const goAway = (): Promise<void> =>
    (closed ??= new Promise((resolve) => {
      // One that does not listen has nothing to wait for.
      server.close(() => resolve());
      guard.goAway();
    }));
  return {
    async listen(address) {
      const port = await listen(server, address);
      figures?.listen({ ...splitAddress(address), port });
      return port;
    },
    goAway: () => void goAway(),
    async close(budgetMs) {
      const timer = setTimeout(() => guard.destroy(), budgetMs);
      await goAway();
      clearTimeout(timer);
      guard.close();
      patience.close();
    },
  };
}

function openServer(tls: Tls | undefined, onConnection: (socket: Socket) => void): Server {
  // Answers are gathered here: the kernel must not wait for more.
  if (tls === undefined) return createServer({ noDelay: true }, onConnection);
  const server = createTlsServer({ ...serverOptions(tls), ALPNProtocols: [ALPN], handshakeTimeout: GREETING_MS_MAX });
  tls.attach(server);
  // A peer that fails the handshake, or hangs up in it, is not our fault and not worth a line.
  server.on('tlsClientError', () => undefined);
  server.on('secureConnection', (socket: TLSSocket) => {
    if (socket.alpnProtocol !== ALPN) socket.destroy();
    else onConnection(socket.setNoDelay(true));
  });
  return server;
}
