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
  const headers: string[] = [];
  for (const name in given) {
    const value = given[name] ?? '';
    // Who calls by Connect takes `application/json` alone for an error of that protocol; texts are those of REST.
    const isJsonText = name === 'content-type' && value === JSON_TYPE && typeof body === 'string';
    headers.push(name, isJsonText ? JSON_TEXT_TYPE : value);
  }
  if (isLast) headers.push('connection', 'close');
  if (typeof body === 'string' || body instanceof Uint8Array) {
    if (!BODILESS.has(status)) headers.push('content-length', String(Buffer.byteLength(body)));
    response.writeHead(status, headers);
    response.end(body);
    return;
  }
  response.writeHead(status, headers);
  // Whoever has gone, or has failed, is known to the call.
  pipeline(body, response, () => undefined);
}

const JSON_TYPE = 'application/json';
const JSON_TEXT_TYPE = `${JSON_TYPE}; charset=utf-8`;
const BODILESS = new Set([204, 304]);
