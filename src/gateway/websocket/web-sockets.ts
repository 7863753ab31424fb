import type { IncomingMessage } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { WebSocketServer, type WebSocket } from 'ws';
import { invalidRequest, ServiceError } from '../../rpc/errors.js';
import { readPeerName } from '../../rpc/peer-name.js';
import type { HttpAnswer } from '../answer.js';
import { HTTP_LIMIT_SETTINGS } from '../http-limits.js';
import { logRefusal, type Refused } from '../request-log.js';
import { readRequestId } from '../http/headers.js';
import { parseQuery } from '../http/query.js';
import { renderError } from '../rest/render-error.js';
import { splitPath, splitTarget } from '../routes/request-target.js';
import type { Router } from '../routes/router.js';
import { serveSocket, type SocketDeps } from './serve-socket.js';
import { SUBPROTOCOLS, type SocketTarget } from './subprotocol.js';

/** What a frame takes beside its message. */
const ENVELOPE_BYTES = 64;
const GOING_AWAY = 1001;
/** The rules that a socket may come by: a handshake is always GET, whatever the rule says. */
const HTTP_METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

export type SocketRoute = Pick<SocketTarget, 'method' | 'binding'>;

export interface WebSocketsDeps {
  /** What is served now. */
  readonly current: () => SocketDeps & { readonly socketRouter: Router<SocketRoute> };
  readonly log: Logger;
  readonly allowedOrigins: readonly string[];
  readonly messageBytesMax: number;
  readonly socketsMax: number;
  readonly heartbeatMs: number;
}

/** The sockets of a listener. */
export interface WebSockets {
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Takes no more, and closes those whose call has not begun; the others close with their call. */
  goAway(): void;
  /** Cuts what is left. */
  cut(): void;
}

export function createWebSockets(deps: WebSocketsDeps): WebSockets {
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: deps.messageBytesMax + ENVELOPE_BYTES,
    // A few compressed bytes can stand for gigabytes, and every socket would keep a window.
    perMessageDeflate: false,
    handleProtocols: (offered) => SUBPROTOCOLS.find((name) => offered.has(name)) ?? false,
  });
  let isClosing = false;
  const quiet = new Set<WebSocket>();

  function open(request: IncomingMessage, duplex: Duplex, head: Buffer): void {
    const target = admit(deps, request, { isClosing, size: server.clients.size });
    const about = { ...aboutOf(request), peerName: readPeerName(request.socket) };
    server.handleUpgrade(request, duplex, head, (socket) => {
      // Always followed by 'close'.
      socket.on('error', () => undefined);
      quiet.add(socket);
      socket.once('message', () => quiet.delete(socket));
      socket.once('close', () => quiet.delete(socket));
      keepAlive(socket, deps.heartbeatMs);
      void serveSocket(deps.current(), { socket, headers: request.headers, target, ...about });
    });
  }

  return {
    upgrade(request, duplex, head) {
      try {
        open(request, duplex, head);
      } catch (err) {
        const about = aboutOf(request);
        logRefusal(deps.log, about, err);
        const { requestId } = about;
        const { registry } = deps.current();
        refuse(duplex, renderError(err, { registry, requestId, hasToken: false, hasIfMatch: false, isPretty: false }));
      }
    },
    goAway() {
      isClosing = true;
      for (const socket of quiet) socket.close(GOING_AWAY);
    },
    cut() {
      for (const socket of server.clients) socket.terminate();
    },
  };
}

function aboutOf({ headers, socket }: IncomingMessage): Refused {
  return {
    requestId: readRequestId(headers),
    peer: `${socket.remoteAddress ?? ''}:${socket.remotePort ?? ''}`,
    startMs: performance.now(),
  };
}

interface Crowd {
  readonly isClosing: boolean;
  readonly size: number;
}

function admit(deps: WebSocketsDeps, request: IncomingMessage, { isClosing, size }: Crowd): SocketTarget {
  const { headers } = request;
  if (isClosing) throw new ServiceError('SERVER_DRAINING', 'Server is shutting down', { retryDelayMs: 1000 });
  if (size >= deps.socketsMax) {
    const metadata = { limit: HTTP_LIMIT_SETTINGS.webSocketsMax, max: String(deps.socketsMax) };
    const message = `Too many sockets are open (${HTTP_LIMIT_SETTINGS.webSocketsMax}=${deps.socketsMax})`;
    throw new ServiceError('OVERLOADED', message, { metadata, retryDelayMs: 1000 });
  }
  checkOrigin(request, deps.allowedOrigins);
  const split = splitTarget(request.url ?? '');
  const path = split && splitPath(split.path);
  const match = path && HTTP_METHODS.map((name) => deps.current().socketRouter.find(name, path)).find(isFound);
  if (match === undefined) throw new ServiceError('ROUTE_NOT_FOUND', 'No stream is served at this path');
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  if (!SUBPROTOCOLS.some((name) => offered.includes(name))) {
    throw invalidRequest([
      { field: '', description: `WebSocket subprotocol must be one of ${SUBPROTOCOLS.join(', ')}` },
    ]);
  }
  const { parameters, violations } = parseQuery(split?.query ?? '');
  if (violations.length > 0) throw invalidRequest(violations);
  return { ...match.entry.target, segments: match.segments, parameters };
}

function isFound<M extends { readonly kind: string }>(match: M): match is Extract<M, { kind: 'found' }> {
  return match.kind === 'found';
}

/** A browser lets every page open a socket to everywhere, and says where the page is from. Others say nothing. */
function checkOrigin({ headers }: IncomingMessage, allowed: readonly string[]): void {
  const { origin, host } = headers;
  if (origin === undefined || allowed.includes('*') || allowed.includes(origin)) return;
  if (URL.canParse(origin) && new URL(origin).host === host) return;
  throw new ServiceError('PERMISSION_DENIED', 'Pages of this origin may not open a socket');
}

/** A socket whose client has gone without a word is cut after two beats. One that is not read cannot say anything. */
function keepAlive(socket: WebSocket, everyMs: number): void {
  let isAlive = true;
  const hear = () => (isAlive = true);
  socket.on('pong', hear);
  socket.on('message', hear);
  const timer = setInterval(() => {
    if (!isAlive && !socket.isPaused) return socket.terminate();
    isAlive = false;
    socket.ping();
  }, everyMs).unref();
  socket.once('close', () => clearInterval(timer));
}

/** The answer to a handshake that fails is written by hand: there is no response object for it. */
function refuse(socket: Duplex, { status, headers, body }: HttpAnswer): void {
  const text = typeof body === 'string' ? body : '';
  const all = { ...headers, 'content-length': Buffer.byteLength(text), connection: 'close' };
  const head = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  socket.end([`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`, ...head, '', text].join('\r\n'));
}
