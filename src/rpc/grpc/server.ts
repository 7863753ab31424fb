import { createSecureServer, createServer, type Http2SecureServer, type Http2Server } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import type { Logger } from 'pino';
import type { ConnectionCounts } from '../../telemetry/connections.js';
import type { LazyDispatcher } from '../call.js';
import { DEFAULT_LIMITS, type Limits } from '../limits.js';
import type { MethodTable } from '../method-table.js';
import { splitAddress, type ServerFigures } from '../server-figures.js';
import { serverOptions, type Tls } from '../tls.js';
import { createCallHandler } from './handlers.js';
import { limitConnections, listen } from './listener.js';
import { takeIn } from './node-stream.js';
import { createPatience } from './patience.js';
import { createSessionGuard, type SessionGuard } from './session-guard.js';

const SESSION_MEGABYTES_MAX = 64;
/** So much of a request is held while nobody reads it, and as much again in what Node reads ahead. */
const RECEIVE_WINDOW_BYTES = 16 * 1024;

export interface GrpcServer {
  /** Listens on `host:port` and gives the port; 0 asks for any free one. */
  listen(address: string): Promise<number>;
  /** Stops listening and says GOAWAY on every connection: running calls go on, and new ones go elsewhere. */
  goAway(): void;
  /** The same, then waits for the running calls, and cuts the connections that are left after `budgetMs`. */
  close(budgetMs: number): Promise<void>;
}

export interface GrpcServerDeps {
  readonly table: MethodTable;
  readonly dispatcher: LazyDispatcher;
  readonly log: Pick<Logger, 'warn'>;
  readonly limits?: Limits;
  /** Takes in every connection and call, for whoever looks at them. */
  readonly figures?: ServerFigures | undefined;
  /** Counts connections. */
  readonly connections?: Pick<ConnectionCounts, 'watch'> | undefined;
  /** Plaintext where it is left out: for listeners that only this machine, or a proxy that encrypts, can reach. */
  readonly tls?: Tls | undefined;
}

/**
 * Serves the method table over gRPC (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md), straight on Node's
 * HTTP/2: messages pass as raw bytes, and each limit is judged before what it bounds is read.
 */
export function createGrpcServer(deps: GrpcServerDeps): GrpcServer {
  const { table, dispatcher, log, limits = DEFAULT_LIMITS, tls, figures, connections } = deps;
  const guard = createSessionGuard();
  const patience = createPatience<object>(limits.requestTimeoutMs);
  const server = openServer(limits, tls);
  limitConnections(server, limits, log);
  connections?.watch('grpc', server);
  server.on('session', (session) => guard.watch(session));
  const handle = createCallHandler({ table, dispatcher, limits, patience });
  server.on('stream', (stream, headers) => takeIn(stream, headers, handle));
  let closed: Promise<void> | undefined;
  const goAway = (): Promise<void> => (closed ??= stopTaking(server, guard));
  return {
    async listen(address) {
      const port = await listen(server, address);
      figures?.watch(server, { ...splitAddress(address), port });
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

type AnyHttp2Server = Http2Server | Http2SecureServer;

function openServer(limits: Limits, tls: Tls | undefined): AnyHttp2Server {
  if (tls === undefined) return createServer(http2Options(limits));
  const server = createSecureServer({
    ...http2Options(limits),
    ...serverOptions(tls),
  });
  tls.attach(server);
  // A peer that fails the handshake, or hangs up in it, is not our fault and not worth a line.
  server.on('tlsClientError', () => undefined);
  server.on('secureConnection', (socket: TLSSocket) => void socket.on('error', () => undefined));
  return server;
}

function http2Options(limits: Limits) {
  return {
    settings: {
      maxConcurrentStreams: limits.streamsPerConnectionMax,
      initialWindowSize: RECEIVE_WINDOW_BYTES,
      // Beyond twice the limit HTTP/2 cuts the stream; up to there we answer with an error that names the limit.
      maxHeaderListSize: 2 * limits.metadataBytesMax,
    },
    // The largest status that we send has its text twice, encoded.
    maxSendHeaderBlockLength: 64 * 1024,
    // In megabytes. A connection that holds more gets no new streams until it has read.
    maxSessionMemory: SESSION_MEGABYTES_MAX,
  };
}

/** Resolves when the last connection has closed. */
function stopTaking(server: AnyHttp2Server, guard: SessionGuard): Promise<void> {
  if (!server.listening) return Promise.resolve();
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  guard.goAway();
  return closed;
}
