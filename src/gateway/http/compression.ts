import type { IncomingMessage } from 'node:http';
import { pipeline, Readable, type Transform } from 'node:stream';
import { promisify } from 'node:util';
import { brotliCompress, constants, createBrotliCompress, createGzip, gzip } from 'node:zlib';
import { joinNames, noBody, type HttpAnswer } from '../answer.js';
import { chooseEncoding, type Encoding } from './accept.js';

/** What compresses a stream takes memory as long as the stream is open: beyond so many, streams go out as they are. */
const COMPRESSED_STREAMS_MAX = 16;
/** Of brotli, for streams: 64 KiB, where it would keep 4 MiB of each. */
const STREAM_WINDOW_BITS = 16;
/** Below one packet, compressing costs more than it saves. */
const COMPRESSED_BYTES_MIN = 1024;
/** As small as gzip's best for text, and as fast as its default. */
const BROTLI_QUALITY = 4;
const PARTIAL_CONTENT = 206;
const COMPRESSIBLE = /^(?:text\/|application\/(?:json|proto|x-ndjson))/;

/** Compresses the answer of a request. */
export type Compress = (request: IncomingMessage, answer: HttpAnswer) => HttpAnswer | Promise<HttpAnswer>;

/**
 * Makes what compresses the answers of one listener as clients accept it. A stream is flushed with every message, so that
 * none waits for the next. The entity tag becomes a weak one: it names the resource and not these bytes.
 */
export function createCompress(): Compress {
  let streams = 0;
  const pipeThrough = (body: Readable, encoding: Encoding): Transform => {
    const compressor = compressorOf(encoding);
    streams += 1;
    compressor.once('close', () => (streams -= 1));
    // Whoever destroys what comes out stops what goes in. A client that goes away is no error here: the call hears of it.
    pipeline(body, compressor, () => {});
    return compressor;
  };
  return (request, answer) => {
    // Most answers are small, and none of them waits.
    if (isSmall(answer.body) || !COMPRESSIBLE.test(answer.headers['content-type'] ?? '')) return answer;
    const { body } = answer;
    if (!(body instanceof Readable)) return compressWith(request, answer, (encoding) => squeeze(body, encoding));
    if (streams >= COMPRESSED_STREAMS_MAX) return withVary(answer);
    return compressWith(request, answer, (encoding) => pipeThrough(body, encoding));
  };
}

async function compressWith(
  { headers, method }: IncomingMessage,
  answer: HttpAnswer,
  encode: (encoding: Encoding) => HttpAnswer['body'] | Promise<HttpAnswer['body']>,
): Promise<HttpAnswer> {
  // A part is counted in bytes of the whole as it is.
  if (answer.status === PARTIAL_CONTENT) return answer;
  const acceptEncoding = headers['accept-encoding'];
  const encoding = chooseEncoding(typeof acceptEncoding === 'string' ? acceptEncoding : undefined);
  const varying = withVary(answer);
  if (encoding === undefined) return varying;
  // How long it would be, nobody knows before it is compressed.
  const body = method === 'HEAD' ? noBody() : await encode(encoding);
  return { ...answer, headers: { ...weakened(varying.headers), 'content-encoding': encoding }, body };
}

function withVary(answer: HttpAnswer): HttpAnswer {
  return { ...answer, headers: { ...answer.headers, vary: joinNames(answer.headers['vary'], 'accept-encoding') } };
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

function compressorOf(encoding: Encoding): Transform {
  if (encoding === 'gzip') return createGzip({ flush: constants.Z_SYNC_FLUSH });
  const params = { ...BROTLI_PARAMS, [constants.BROTLI_PARAM_LGWIN]: STREAM_WINDOW_BITS };
  return createBrotliCompress({ params, flush: constants.BROTLI_OPERATION_FLUSH });
}
