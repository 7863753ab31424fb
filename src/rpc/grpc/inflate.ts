import { promisify } from 'node:util';
import { gunzip, inflate } from 'node:zlib';

/** Every message may grow to this, however small it was: a run of zeros is not an attack. */
const INFLATED_BYTES_FREE = 64 * 1024;

const INFLATERS = { gzip: promisify(gunzip), deflate: promisify(inflate) } as const;

export type Compression = keyof typeof INFLATERS;

/** The encodings that a request may come in, as `grpc-accept-encoding` lists them. */
export const ACCEPTED_ENCODINGS = 'identity,gzip,deflate';

export function isCompression(encoding: string): encoding is Compression {
  return Object.hasOwn(INFLATERS, encoding);
}

/**
 * Inflates a message to at most `bytesMax`, and to at most `ratioMax` times its size, in a thread of the pool.
 * Undefined where it would grow beyond that; throws for what is not compressed in this way.
 */
export async function inflateMessage(
  compression: Compression,
  bytes: Uint8Array,
  { bytesMax, ratioMax }: { bytesMax: number; ratioMax: number },
): Promise<Uint8Array | undefined> {
  const maxOutputLength = Math.min(bytesMax, Math.max(INFLATED_BYTES_FREE, bytes.byteLength * ratioMax));
  try {
    return await INFLATERS[compression](bytes, { maxOutputLength });
  } catch (err) {
    if (err instanceof Error && 'code' in err && err.code === 'ERR_BUFFER_TOO_LARGE') return undefined;
    throw err;
  }
}
