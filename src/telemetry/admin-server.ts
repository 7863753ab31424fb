import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { SecureContextOptions, TlsOptions } from 'node:tls';
import type { Metrics } from './metrics.js';

const PLAIN_TEXT = 'text/plain; charset=utf-8';

export interface AdminServerDeps {
  readonly metrics: Pick<Metrics, 'render'>;
  /** Tells whether the process can do its work. */
  readonly isReady: () => boolean | Promise<boolean>;
  /** Plaintext where it is left out. */
  readonly tls?: ListenerTls | undefined;
}

/** The certificates of the listener, kept up to date. */
export interface ListenerTls {
  options(): TlsOptions;
  attach(server: { setSecureContext(options: SecureContextOptions): void }): void;
}

/** A listener for those who run the process: it shows numbers, and takes no calls. */
export interface AdminServer {
  /** Gives the port; 0 asks for any free one. */
  listen(address: { readonly host: string; readonly port: number }): Promise<number>;
  close(): Promise<void>;
}

/** Serves `/metrics`, `/healthz` (the process answers) and `/readyz` (it can do its work). */
export function createAdminServer(deps: AdminServerDeps): AdminServer {
  const server = openServer(deps.tls, (request, response) => {
    answer(deps, request, response).catch(() => {
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  });
  return {
    listen: ({ host, port }) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen({ host, port }, () => resolve((server.address() as AddressInfo).port));
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function openServer(tls: ListenerTls | undefined, listener: RequestListener): Server {
  if (tls === undefined) return createServer(listener);
  const server = createTlsServer(tls.options(), listener);
  tls.attach(server);
  return server;
}

async function answer(
  deps: AdminServerDeps,
  { method, url }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (method !== 'GET' && method !== 'HEAD') return send(response, 405, 'only GET\n');
  switch (url?.split('?', 1)[0]) {
    case '/metrics': {
      const { contentType, text } = await deps.metrics.render();
      return send(response, 200, text, contentType);
    }
    case '/healthz':
      return send(response, 200, 'ok\n');
    case '/readyz':
      return (await deps.isReady()) ? send(response, 200, 'ready\n') : send(response, 503, 'not ready\n');
    default:
      return send(response, 404, '/metrics, /healthz or /readyz\n');
  }
}

function send(response: ServerResponse, status: number, text: string, contentType = PLAIN_TEXT): void {
  response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-store' });
  response.end(text);
}
