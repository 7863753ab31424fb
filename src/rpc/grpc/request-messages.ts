import { setImmediate } from 'node:timers/promises';
import { ServiceError } from '../errors.js';
import { limitError, type Limits } from '../limits.js';
import type { RequestBody } from './call-stream.js';
import { FrameError, FrameReader, toPlainMessage, type Frame } from './frames.js';
import { ACCEPTED_ENCODINGS, inflateMessage, isCompression } from './inflate.js';

/** Where requests come from, and what their compression is called. */
export interface RequestSource {
  readonly body: RequestBody;
  /** The header `grpc-encoding`. */
  readonly encoding: string;
  readonly limits: Limits;
}

/** Gives the only request of a call where it has arrived already, whole and as it is. Undefined where it has to be read. */
export function onlyMessageOf({ body: { whole }, limits }: RequestSource): Uint8Array | undefined {
  return whole === undefined ? undefined : toPlainMessage(whole, limits.messageBytesMax);
}

/** Reads the only request of a call. Rejects with a ServiceError when there is none, or another, or a broken one. */
export async function readOnly(source: RequestSource): Promise<Uint8Array> {
  const frame = await receiveOnly(source);
  return frame.compressed ? decompress(source, frame.bytes) : frame.bytes;
}

/** Reads requests as fast as they are asked for: the peer is held by flow control meanwhile. */
export async function* readEach(source: RequestSource): AsyncGenerator<Uint8Array> {
  const frames = new FrameReader(source.limits.messageBytesMax);
  for await (const piece of source.body.pieces()) {
    for (const { compressed, bytes } of pushInto(source.limits, frames, piece)) {
      yield compressed ? await decompress(source, bytes) : bytes;
    }
  }
  // A Node client says that its requests have ended just before it says that it cancels: half an upload would look whole.
  await setImmediate();
  if (source.body.isBrokenOff) throw callerGone();
  if (!frames.isBetweenMessages) throw malformed('Request stream ends inside a message');
}

/** Callbacks, not an iterator: this is how many calls begin. */
function receiveOnly({ body, limits }: RequestSource): Promise<Frame> {
  return new Promise((resolve, reject) => {
    const frames = new FrameReader(limits.messageBytesMax);
    let only: Frame | undefined;
    let isBroken = false;
    body.read({
      piece(bytes) {
        if (isBroken) return;
        try {
          for (const frame of pushInto(limits, frames, bytes)) {
            if (only !== undefined) throw notOne('Call takes one request, and another came');
            only = frame;
          }
        } catch (err) {
          isBroken = true;
          reject(err);
        }
      },
      end() {
        if (only !== undefined && frames.isBetweenMessages) resolve(only);
        else if (frames.isBetweenMessages) reject(notOne('Call takes one request, and none came'));
        else reject(malformed('Request stream ends inside a message'));
      },
      breakOff: () => reject(callerGone()),
    });
  });
}

function callerGone(): ServiceError {
  return new ServiceError('CALL_CANCELLED', 'Call was cancelled by the caller');
}

function pushInto(limits: Limits, frames: FrameReader, piece: Buffer): Frame[] {
  try {
    return frames.push(piece);
  } catch (err) {
    if (!(err instanceof FrameError) || err.kind === 'malformed') throw malformed(messageOf(err));
    if (err.kind === 'too-large') throw tooLarge(limits, err.message);
    throw new ServiceError('LIMIT_EXCEEDED', err.message);
  }
}

async function decompress({ encoding, limits }: RequestSource, bytes: Uint8Array): Promise<Uint8Array> {
  if (encoding === 'identity') {
    throw new ServiceError('INTERNAL', 'Message is marked as compressed, and header grpc-encoding is not set');
  }
  if (!isCompression(encoding)) throw unknownEncoding(encoding);
  const { messageBytesMax: bytesMax, inflateRatioMax: ratioMax } = limits;
  const inflated = await inflateMessage(encoding, bytes, { bytesMax, ratioMax }).catch((err: unknown) => {
    throw malformed(`Message is not ${encoding}`, err);
  });
  if (inflated !== undefined) return inflated;
  throw bytes.byteLength * ratioMax < bytesMax
    ? limitError(limits, 'inflateRatioMax', 'Message grows to too many times its size')
    : tooLarge(limits, 'Message grows to more bytes than are taken');
}

/** The error for a compression that is not read here. */
export function unknownEncoding(encoding: string): ServiceError {
  const text = `Encoding "${encoding.slice(0, 32)}" is not supported, only ${ACCEPTED_ENCODINGS}`;
  return new ServiceError('ENCODING_UNSUPPORTED', text);
}

/** As gRPC has it, for a client with another contract (https://github.com/grpc/grpc/blob/master/doc/statuscodes.md). */
function notOne(message: string): ServiceError {
  return new ServiceError('METHOD_NOT_FOUND', message);
}

function tooLarge(limits: Limits, message: string): ServiceError {
  return limitError(limits, 'messageBytesMax', message, { reason: 'MESSAGE_TOO_LARGE' });
}

function malformed(message: string, cause?: unknown): ServiceError {
  return new ServiceError('MALFORMED_MESSAGE', message, {}, { cause });
}

function messageOf(err: unknown): string {
  return err instanceof Error ? err.message : String(err);
}
