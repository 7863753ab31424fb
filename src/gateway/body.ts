import type { JsonValue } from '@bufbuild/protobuf';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { invalidRequest, ServiceError } from '../rpc/errors.js';
import type { JsonBody } from './bind-request.js';
import { bodyTooLarge, unsupportedMediaType } from './http-failure.js';
import { checkJsonText, JsonTextError } from './json-text.js';

/** Tells whether a request announces a body. One of length 0 is none. */
export function hasBody(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** Throws an HttpFailure unless the body is announced as JSON that is neither compressed nor in another charset. */
export function checkJsonType(headers: IncomingHttpHeaders): void {
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') throw unsupportedMediaType('Request body is compressed');
  const type = headers['content-type'];
  if (type === undefined) throw unsupportedMediaType('Request body has no content type');
  if (!JSON_TYPE.test(type)) throw unsupportedMediaType('Request body has an unknown content type');
}

/**
 * Reads a request body of at most `bytesMax` bytes. Refuses a larger one with 413 before it is held in memory: at once
 * when its length is announced, else at the first byte beyond.
 */
export async function readBody(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > bytesMax) throw refuse(request, bytesMax);
  const chunks: Buffer[] = [];
  let bytes = 0;
  return new Promise((resolve, reject) => {
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > bytesMax) {
        request.removeAllListeners('data');
        chunks.length = 0;
        reject(refuse(request, bytesMax));
      } else {
        chunks.push(chunk);
      }
    });
    request.once('end', () => resolve(Buffer.concat(chunks)));
    request.once('error', (err) => reject(gone(err)));
    request.once('close', () => reject(gone()));
  });
}

/** Lets the rest flow away unread, so that the caller, still writing, comes to read the answer. */
function refuse(request: IncomingMessage, bytesMax: number): Error {
  request.resume();
  return bodyTooLarge(bytesMax);
}

function gone(cause?: unknown): ServiceError {
  return new ServiceError('CALL_CANCELLED', 'The caller went away before its request was complete', {}, { cause });
}

/** Reads JSON, strictly. Throws a ServiceError with the path of the mistake, which begins with `path`. */
export function parseJsonBody(bytes: Buffer, path: string): JsonBody {
  try {
    const text = UTF8.decode(bytes);
    const { hasUnsafeInteger } = checkJsonText(text, path);
    return { value: JSON.parse(text) as JsonValue, hasUnsafeInteger };
  } catch (err) {
    if (err instanceof JsonTextError) throw invalidRequest([{ field: err.field, description: err.message }]);
    throw invalidRequest([{ field: '', description: 'Body is not JSON in UTF-8' }]);
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true });
const JSON_TYPE = /^application\/(?:json|merge-patch\+json)\s*(?:;\s*charset=(?:"utf-8"|utf-8)\s*)?;?\s*$/i;
