import type { IncomingHttpHeaders } from 'node:http2';
import type { Metadata, Server } from '@grpc/grpc-js';
import { ServiceError } from '../errors.js';
import { parseTimeoutMs } from '../grpc/timeout.js';
import { http2ServersOf } from './http2-servers.js';

/** Where a timeout waits that grpc-js would misread. Whatever a peer sends under this name is dropped. */
const KEPT_KEY = 'x-keelson-grpc-timeout';
/** grpc-js counts in 32 bits; what it would read as more ends at once. */
const GRPC_JS_TIMEOUT_MS_MAX = 2 ** 31 - 1;

interface StreamSource {
  prependListener(event: 'stream', listener: (stream: unknown, headers: IncomingHttpHeaders) => void): unknown;
}

/**
 * Takes `grpc-timeout` away from grpc-js where it would misread it: above 24.8 days, and where it is malformed. Call it
 * once the server listens: its HTTP/2 servers are a private field of grpc-js, and where that is gone nothing changes.
 */
export function keepTimeouts(server: Server): void {
  for (const http2Server of http2ServersOf<StreamSource>(server)) {
    http2Server.prependListener('stream', (_stream, headers) => keepTimeout(headers));
  }
}

/** Reads what keepTimeouts() has put aside. Undefined where grpc-js has read the timeout itself. */
export function readKeptTimeout(
  metadata: Metadata,
): { timeoutMs: number | undefined; fault?: ServiceError } | undefined {
  const kept = metadata.get(KEPT_KEY)[0];
  if (kept === undefined) return undefined;
  metadata.remove(KEPT_KEY);
  try {
    return { timeoutMs: parseTimeoutMs(String(kept)) };
  } catch (err) {
    if (err instanceof ServiceError) return { timeoutMs: undefined, fault: err };
    throw err;
  }
}

function keepTimeout(headers: IncomingHttpHeaders): void {
  delete headers[KEPT_KEY];
  const header = headers['grpc-timeout'];
  if (typeof header !== 'string' || isUnderstood(header)) return;
  delete headers['grpc-timeout'];
  headers[KEPT_KEY] = header;
}

function isUnderstood(header: string): boolean {
  try {
    return (parseTimeoutMs(header) ?? 0) <= GRPC_JS_TIMEOUT_MS_MAX;
  } catch {
    return false;
  }
}
