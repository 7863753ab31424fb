import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { ServiceError } from '../../rpc/errors.js';
import { decompress, isKnownEncoding } from './decompress.js';
import { frame, type Frame } from './frames.js';
import { HttpFailure } from './http-failure.js';

/** Tells that the payload of a frame is compressed. */
const COMPRESSED = 0x01;
/** Below one packet, compressing costs more than it saves. */
const COMPRESSED_BYTES_MIN = 1024;
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } };

const COMPRESSORS = {
  br: (bytes: Uint8Array) => brotliAsync(bytes, BROTLI),
  gzip: (bytes: Uint8Array) => gzipAsync(bytes),
} as const;
const brotliAsync = promisify(brotliCompress);
const gzipAsync = promisify(gzip);

/** What messages can be compressed in, the better one first. */
export const MESSAGE_ENCODINGS = Object.keys(COMPRESSORS) as readonly MessageEncoding[];
export type MessageEncoding = keyof typeof COMPRESSORS;

/** Throws a ServiceError for a compression that is not read here. */
export function checkEncoding(encoding: string | undefined): void {
  if (encoding === undefined || encoding === '' || isKnownEncoding(encoding)) return;
  throw new ServiceError(
    'ENCODING_UNSUPPORTED',
    'Compression of the request is not supported, expected br, gzip or identity',
  );
}

/** Gives the message in a frame. Throws a ServiceError where it is more than so many bytes, or not what it says. */
export async function messageOf(
  { flags, payload }: Frame,
  encoding: string | undefined,
  bytesMax: number,
): Promise<Buffer> {
  if ((flags & COMPRESSED) === 0) return payload;
  if (encoding === undefined || encoding === '' || encoding === 'identity') {
    throw new ServiceError('INTERNAL', 'Message is compressed, and no header says how');
  }
  try {
    return await decompress(payload, encoding, bytesMax);
  } catch (err) {
    throw err instanceof HttpFailure ? err.failure : err;
  }
}

/** Chooses the compression of the messages of an answer from a list of those that the client reads. */
export function chooseMessageEncoding(accepted: string | string[] | undefined): MessageEncoding | undefined {
  if (typeof accepted !== 'string') return undefined;
  const names = new Set(accepted.split(',').map((name) => name.trim().toLowerCase()));
  return MESSAGE_ENCODINGS.find((name) => names.has(name));
}

/** Frames a message of an answer, compressed where that pays. */
export async function messageFrame(message: Uint8Array, encoding?: MessageEncoding): Promise<Buffer> {
  if (encoding === undefined || message.length < COMPRESSED_BYTES_MIN) return frame(0, message);
  return frame(COMPRESSED, await COMPRESSORS[encoding](message));
}
