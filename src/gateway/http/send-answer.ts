import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
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
  void sendPieces(response, body);
}

/**
 * Sends a body piece by piece, each after the one before has left: one piece is held for a client that does not read. Who
 * always reads and a body that never waits let others have their turn. Never rejects: whoever has gone, or has failed, is
 * known to the call.
 */
async function sendPieces(response: ServerResponse, body: Readable): Promise<void> {
  response.once('close', () => body.destroy());
  try {
    for await (const piece of body) {
      await written(response, piece as Uint8Array | string);
      await setImmediate();
    }
    response.end();
  } catch {
    response.destroy();
  }
}

function written(response: ServerResponse, piece: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    response.write(piece, (err) => {
      if (err) reject(err);
      else resolve();
    });
  });
}

const JSON_TYPE = 'application/json';
const JSON_TEXT_TYPE = `${JSON_TYPE}; charset=utf-8`;
const BODILESS = new Set([204, 304]);
