import type { IncomingMessage } from 'node:http';
import { pipeline, Readable, type Transform } from 'node:stream';
import { promisify } from 'node:util';
import { brotliCompress, constants, createBrotliCompress, createGzip, gzip } from 'node:zlib';
import { joinNames, type HttpAnswer } from '../answer.js';
import { chooseEncoding, type Encoding } from './accept.js';

/** Below one packet, compressing costs more than it saves. */
const COMPRESSED_BYTES_MIN = 1024;
/** As small as gzip's best for text, and as fast as its default. */
const BROTLI_QUALITY = 4;
const PARTIAL_CONTENT = 206;
const COMPRESSIBLE = /^(?:text\/|application\/(?:json|proto|x-ndjson))/;

/**
 * Compresses an answer as the client accepts it. A stream is flushed with every message, so that none waits for the
 * next. The entity tag becomes a weak one: it names the resource and not these bytes.
 */
export function compress(request: IncomingMessage, answer: HttpAnswer): HttpAnswer | Promise<HttpAnswer> {
  // Most answers are small, and none of them waits.
  if (isSmall(answer.body) || !COMPRESSIBLE.test(answer.headers['content-type'] ?? '')) return answer;
  return compressLarge(request, answer);
}

async function compressLarge({ headers, method }: IncomingMessage, answer: HttpAnswer): Promise<HttpAnswer> {
  // A part is counted in bytes of the whole as it is.
  if (answer.status === PARTIAL_CONTENT) return answer;
  const vary = joinNames(answer.headers['vary'], 'accept-encoding');
  const acceptEncoding = headers['accept-encoding'];
  const encoding = chooseEncoding(typeof acceptEncoding === 'string' ? acceptEncoding : undefined);
  if (encoding === undefined || method === 'HEAD') return { ...answer, headers: { ...answer.headers, vary } };
  const body =
    answer.body instanceof Readable ? pipeThrough(answer.body, encoding) : await squeeze(answer.body, encoding);
  return { ...answer, headers: { ...weakened(answer.headers), vary, 'content-encoding': encoding }, body };
}

function isSmall(body: HttpAnswer['body']): boolean {
  return !(body instanceof Readable) && body.length < COMPRESSED_BYTES_MIN;
}

function weakened(headers: HttpAnswer['headers']): Record<string, string> {
  const { etag, ...others } = headers;
  if (etag === undefined) return others;
  return { ...others, etag: etag.startsWith('W/') ? etag : `W/${etag}` };
}

const brotliAsync = promisify(brotliCompress);
const gzipAsync = promisify(gzip);
const BROTLI_PARAMS = { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY };

function squeeze(body: string | Uint8Array, encoding: Encoding): Promise<Uint8Array> {
  return encoding === 'br' ? brotliAsync(body, { params: BROTLI_PARAMS }) : gzipAsync(body);
}

/** Whoever destroys what comes out stops what goes in. */
function pipeThrough(body: Readable, encoding: Encoding): Transform {
  const compressor =
    encoding === 'br'
      ? createBrotliCompress({ params: BROTLI_PARAMS, flush: constants.BROTLI_OPERATION_FLUSH })
      : createGzip({ flush: constants.Z_SYNC_FLUSH });
  // A client that goes away is no error here: the call hears of it by its signal.
  pipeline(body, compressor, () => {});
  return compressor;
}
