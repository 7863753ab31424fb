import type { IncomingHttpHeaders } from 'node:http';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip } from 'node:zlib';
import type { Awaitable } from '../../async/awaitable.js';
import { invalidRequest, ServiceError } from '../../rpc/errors.js';
import { bodyTooLarge, HttpFailure } from './http-failure.js';

const DECODERS = new Map<string, Decoder>([
  ['br', promisify(brotliDecompress)],
  ['gzip', promisify(gunzip)],
  ['x-gzip', promisify(gunzip)],
]);

/** Tells whether a body in that encoding can be read here. */
export function isKnownEncoding(contentEncoding: string): boolean {
  return contentEncoding.toLowerCase() === 'identity' || DECODERS.has(contentEncoding.toLowerCase());
}

/** Throws an HttpFailure unless a body comes as it is or in a compression that is read here. */
export function checkContentEncoding(headers: IncomingHttpHeaders): void {
  const encoding = headers['content-encoding'];
  if (encoding === undefined || isKnownEncoding(encoding)) return;
  const failure = new ServiceError('INVALID_REQUEST', 'Request body is compressed in a way that is not read here');
  throw new HttpFailure(415, failure, { 'accept-encoding': 'br, gzip' });
}

/** Throws an HttpFailure unless a body comes as it is. */
export function checkPlainBody(headers: IncomingHttpHeaders): void {
  const encoding = headers['content-encoding']?.toLowerCase() ?? 'identity';
  if (encoding === 'identity') return;
  const failure = new ServiceError('INVALID_REQUEST', 'Request body is compressed, and is taken as it is here');
  throw new HttpFailure(415, failure, { 'accept-encoding': 'identity' });
}

/** Decompresses a body, and stops at the first byte beyond `bytesMax`: a few bytes can stand for gigabytes. */
export function decompress(bytes: Buffer, contentEncoding: string | undefined, bytesMax: number): Awaitable<Buffer> {
  const decode = contentEncoding === undefined ? undefined : DECODERS.get(contentEncoding.toLowerCase());
  return decode === undefined || bytes.length === 0 ? bytes : decoded(decode, bytes, bytesMax);
}

type Decoder = (bytes: Buffer, options: { readonly maxOutputLength: number }) => Promise<Buffer>;

async function decoded(decode: Decoder, bytes: Buffer, bytesMax: number): Promise<Buffer> {
  try {
    return await decode(bytes, { maxOutputLength: bytesMax });
  } catch (err) {
    if ((err as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE') throw bodyTooLarge(bytesMax);
    throw invalidRequest([{ field: '', description: 'Body is not compressed as its header says' }]);
  }
}
