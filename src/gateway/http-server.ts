import type { FileRegistry } from '@bufbuild/protobuf';
import { once } from 'node:events';
import { createServer, IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import type { LazyDispatcher } from '../rpc/call.js';
import type { MethodTable } from '../rpc/method-table.js';
import { serverOptions, type Tls } from '../rpc/tls.js';
import type { ConnectionCounts } from '../telemetry/connections.js';
import { createRoutes, createSocketRoutes } from './create-routes.js';
import { openExchange } from './exchange.js';
import { createHandler, type Handler } from './handler.js';
import { sendAnswer } from './http/send-answer.js';
import { answerBrokenRequest } from './http/broken-request.js';
import { createCors } from './http/cors.js';
import { readRequestId } from './http/headers.js';
import { DEFAULT_HTTP_LIMITS, type HttpLimits, type OwnHttpLimits } from './http-limits.js';
import { renderError } from './rest/render-error.js';
import { createRouter, type Router } from './routes/router.js';
import type { ServerInfo } from './server-info.js';
import type { SocketDeps } from './websocket/serve-socket.js';
import { createWebSockets, type SocketRoute } from './websocket/web-sockets.js';

/** The methods that are served, and what does their calls. */
export interface Served {
  readonly table: Pick<MethodTable, 'methods' | 'registry'>;
  readonly dispatcher: LazyDispatcher;
}

export interface HttpGateway {
  /** Listens, and gives the address; port 0 asks for any free one. */
  listen(address: { host: string; port: number }): Promise<{ host: string; port: number }>;
  /** Stops listening and closes idle connections; those with a request on them close with its answer. */
  goAway(): void;
  /**
   * Stops listening, closes idle connections and waits for the running requests, each of which closes its connection.
   * Cuts what is left after `budgetMs`.
   */
  close(budgetMs?: number): Promise<void>;
  /**
   * Serves other methods from the next request on; those that run end as they began. Throws a ContractError, and goes on
   * as before, when the new rules cannot be served.
   */
  replace(served: Served): void;
}

export interface HttpGatewayDeps extends Served {
  readonly log: Logger;
  /** Tells whether calls would succeed now; what `/readyz` answers. */
  readonly isReady: () => boolean;
  /** Plaintext where it is left out: for a listener that only this machine, or a proxy that encrypts, can reach. */
  readonly tls?: Tls | undefined;
  readonly serverInfo: ServerInfo;
  /** Counts connections. */
  readonly connections?: Pick<ConnectionCounts, 'watch'> | undefined;
  /** The origins whose pages may call, such as `https://app.example.com`; `*` for any. None by default. */
  readonly allowedOrigins?: readonly string[];
  readonly limits?: HttpLimits;
}

/** Gives what a gateway takes from the settings of its process. */
export function httpSettings(settings: {
  readonly corsOrigins: readonly string[];
  readonly limits: { readonly messageBytesMax: number };
  readonly httpLimits: OwnHttpLimits;
}): Required<Pick<HttpGatewayDeps, 'allowedOrigins' | 'limits'>> {
  const { corsOrigins: allowedOrigins, limits, httpLimits } = settings;
  return { allowedOrigins, limits: { ...DEFAULT_HTTP_LIMITS, ...httpLimits, bodyBytesMax: limits.messageBytesMax } };
}

/**
 * Serves the methods of a table that have a google.api.http rule to browsers and scripts. Knows the messages by their
 * descriptors only. Throws a ContractError when the rules cannot be served as they are.
 */
export function createHttpGateway(deps: HttpGatewayDeps): HttpGateway {
  const { log, limits = DEFAULT_HTTP_LIMITS } = deps;
  let current = createServing(deps);
  const server = createListener(limits, deps.tls);
  deps.connections?.watch('http', server);
  const sockets = createWebSockets({
    current: () => current,
    log,
    allowedOrigins: deps.allowedOrigins ?? [],
    messageBytesMax: limits.bodyBytesMax,
    socketsMax: limits.webSocketsMax,
    heartbeatMs: limits.heartbeatMs,
  });
  const serve = createServe({ current: () => current, log, limits, isClosing: () => closed !== undefined });
  server.on('request', (request, response) => void serve(request, response));
  server.on('checkContinue', (request, response) => {
    letBodyCome(request, response, limits);
    void serve(request, response);
  });
  server.on('upgrade', (request, socket, head) => sockets.upgrade(request, socket, head));
  let closed: Promise<void> | undefined;
  const stopTaking = (): Promise<void> => {
    sockets.goAway();
    // Connections with nothing on them are closed too. One that never listened has nothing to close.
    return (closed ??= new Promise((resolve) => server.close(() => resolve())));
  };
  return {
    async listen({ host, port }) {
      server.listen({ host, port });
      await once(server, 'listening');
      const bound = server.address();
      return typeof bound === 'object' && bound !== null ? { host: bound.address, port: bound.port } : { host, port };
    },
    goAway: () => void stopTaking(),
    async close(budgetMs) {
      const timer =
        budgetMs === undefined
          ? undefined
          : setTimeout(() => {
              sockets.cut();
              server.closeAllConnections();
            }, budgetMs);
      await stopTaking();
      clearTimeout(timer);
    },
    replace(served) {
      current = createServing({ ...deps, ...served });
    },
  };
}

/** What depends on the contracts. */
interface Serving extends SocketDeps {
  readonly handle: Handler;
  readonly registry: FileRegistry;
  readonly socketRouter: Router<SocketRoute>;
}

function createServing(deps: HttpGatewayDeps): Serving {
  const { table, dispatcher, log, limits = DEFAULT_HTTP_LIMITS } = deps;
  const handle = createHandler({
    registry: table.registry,
    dispatcher,
    log,
    bodyBytesMax: limits.bodyBytesMax,
    streamTimes: limits,
    router: createRouter(createRoutes(deps)),
    cors: createCors(deps.allowedOrigins ?? []),
  });
  const socketRouter = createRouter(createSocketRoutes(table));
  return { handle, registry: table.registry, dispatcher, log, socketRouter, firstWordMs: limits.requestTimeoutMs };
}

interface ServeDeps {
  readonly current: () => Serving;
  readonly log: Logger;
  readonly limits: HttpLimits;
  /** Whether connections end with the answers that are on them. */
  readonly isClosing: () => boolean;
}

/** Makes what answers each request of a listener. Never throws. */
function createServe({ current, log, limits, isClosing }: ServeDeps) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    // A moment later a body is there as well that has come in one packet with its head, and nobody has to wait for it.
    await Promise.resolve();
    const { handle, registry } = current();
    const requestId = readRequestId(request.headers);
    try {
      const exchange = openExchange(request, response, { requestId, bodyTimeoutMs: limits.requestTimeoutMs });
      sendAnswer(response, await handle(exchange), { isLast: isClosing() });
    } catch (err) {
      log.error({ err, requestId }, 'http request failed');
      if (response.headersSent) return void response.destroy();
      const context = { registry, requestId, hasToken: false, hasIfMatch: false, isPretty: false };
      sendAnswer(response, renderError(err, context), { isLast: true });
    }
  };
}

/** Routing, bodies and errors are the gateway's; Node has the connections and what HTTP/1 is. */
function createListener(limits: HttpLimits, tls: Tls | undefined): Server {
  const options: ServerOptions<typeof GatewayRequest> = {
    IncomingMessage: GatewayRequest,
    maxHeaderSize: limits.headerBytesMax,
    headersTimeout: limits.requestTimeoutMs,
    // A listener has one time for all requests, and a stream of them may take as long as its call: bodies are timed here.
    requestTimeout: 0,
    connectionsCheckingInterval: limits.requestTimeoutMs / 2,
    keepAliveTimeout: limits.idleTimeoutMs,
  };
  const server = tls === undefined ? createServer(options) : createTlsListener(options, tls);
  server.on('clientError', (err, socket) => answerBrokenRequest(err, socket as Socket));
  return server;
}

/**
 * A request that may go on as a WebSocket. One that offers another protocol, as some clients do with each (`h2c`), is served as
 * it is (RFC 9110, 7.8): Node would take it for one that has ended.
 */
class GatewayRequest extends IncomingMessage {
  declare hasOffer: boolean;

  get upgrade(): boolean {
    if (!this.hasOffer) return false;
    return this.method === 'CONNECT' || this.headers.upgrade?.toLowerCase() === 'websocket';
  }

  /** What the parser has found: an offer, or CONNECT. */
  set upgrade(hasOffer: boolean) {
    this.hasOffer = hasOffer;
  }
}

function createTlsListener(options: ServerOptions<typeof GatewayRequest>, tls: Tls): Server {
  const server = createTlsServer({ ...options, ...serverOptions(tls) });
  tls.attach(server);
  return server;
}

/** Asks for a body that was announced, unless it is one that will be refused for its size. */
function letBodyCome({ headers }: IncomingMessage, response: ServerResponse, { bodyBytesMax }: HttpLimits): void {
  if (Number(headers['content-length'] ?? 0) <= bodyBytesMax) response.writeContinue();
}
