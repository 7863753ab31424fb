import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import type { HttpAnswer } from '../answer.js';

interface SendOptions {
  /** Whether the connection ends with this answer. */
  readonly isLast: boolean;
}

/** Sends an answer. A text goes out with its headers in one write. Where a stream fails, the connection is cut. */
export function sendAnswer(
  response: ServerResponse,
  { status, headers: given, body }: HttpAnswer,
  { isLast }: SendOptions,
): void {
  const headers: Record<string, string | number> = { ...given };
  if (isLast) headers['connection'] = 'close';
  // Who calls by Connect takes `application/json` alone for an error of that protocol; texts are those of REST.
  if (typeof body === 'string' && headers['content-type'] === JSON_TYPE) headers['content-type'] += '; charset=utf-8';
  if (typeof body === 'string' || body instanceof Uint8Array) {
    if (!BODILESS.has(status)) headers['content-length'] = Buffer.byteLength(body);
    response.writeHead(status, headers);
    response.end(body);
    return;
  }
  response.writeHead(status, headers);
  // Whoever has gone, or has failed, is known to the call.
  pipeline(body, response, () => undefined);
}

const JSON_TYPE = 'application/json';
const BODILESS = new Set([204, 304]);
