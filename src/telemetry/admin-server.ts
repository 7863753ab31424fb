import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { SecureContextOptions, TlsOptions } from 'node:tls';
import { pipeline } from 'node:stream/promises';
import type { Metrics } from './metrics.js';
import { PROFILE_SECONDS_DEFAULT, PROFILE_SECONDS_MAX, ProfilerBusyError, type Profiler } from './profiler.js';

const PLAIN_TEXT = 'text/plain; charset=utf-8';

export interface AdminServerDeps {
  readonly metrics: Pick<Metrics, 'render'>;
  /** Tells whether the process can do its work. */
  readonly isReady: () => boolean | Promise<boolean>;
  /** Gives a line for each thing that the process works with and that is lost. */
  readonly lost?: () => readonly string[];
  /** Answers requests under `/console`; gives whether it did. */
  readonly console?: (path: string, request: IncomingMessage, response: ServerResponse) => Promise<boolean>;
  /** Takes profiles for whoever asks. Nobody can where it is left out. */
  readonly profiler?: Profiler | undefined;
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

/** Serves `/metrics`, `/healthz` (the process answers), `/readyz` (it can do its work) and what else it is given. */
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

async function answer(deps: AdminServerDeps, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method, url } = request;
  if (method !== 'GET' && method !== 'HEAD') return send(response, 405, 'only GET\n');
  const path = url?.split('?', 1)[0] ?? '';
  if (path.startsWith('/console') && (await deps.console?.(path, request, response)) === true) return;
  switch (path) {
    case '/metrics': {
      const { contentType, text } = await deps.metrics.render();
      return send(response, 200, text, contentType);
    }
    case '/healthz':
      return send(response, 200, 'ok\n');
    case '/readyz':
      return sendReadiness(deps, response);
    case '/debug/cpu':
    case '/debug/heap':
      return deps.profiler === undefined
        ? send(response, 404, 'profiles are off: set KEELSON_PROFILING=true\n')
        : sendProfile(deps.profiler, url ?? '', response);
    default:
      return send(response, 404, '/metrics, /healthz, /readyz or /console\n');
  }
}

async function sendProfile(profiler: Profiler, url: string, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(url, 'http://admin');
  const seconds = Number(searchParams.get('seconds') ?? PROFILE_SECONDS_DEFAULT);
  if (!(seconds >= 1 && seconds <= PROFILE_SECONDS_MAX)) {
    return send(response, 400, `seconds must be a number from 1 to ${PROFILE_SECONDS_MAX}\n`);
  }
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  try {
    if (pathname === '/debug/cpu') {
      const profile = await profiler.cpu(seconds, gone.signal);
      response.writeHead(200, fileHeaders('keelson.cpuprofile'));
      response.end(profile);
    } else {
      const snapshot = profiler.heap();
      response.writeHead(200, fileHeaders('keelson.heapsnapshot'));
      await pipeline(snapshot, response);
    }
  } catch (err) {
    if (!(err instanceof ProfilerBusyError)) throw err;
    send(response, 409, 'another profile is being taken\n');
  }
}

function fileHeaders(name: string): OutgoingHttpHeaders {
  return {
    'content-type': 'application/json',
    'content-disposition': `attachment; filename="${name}"`,
    'cache-control': 'no-store',
  };
}

async function sendReadiness({ isReady, lost }: AdminServerDeps, response: ServerResponse): Promise<void> {
  const ready = await isReady();
  const lines = [ready ? 'ready' : 'not ready', ...(lost?.() ?? [])];
  send(response, ready ? 200 : 503, lines.map((line) => `${line}\n`).join(''));
}

function send(response: ServerResponse, status: number, text: string, contentType = PLAIN_TEXT): void {
  response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-store' });
  response.end(text);
}
