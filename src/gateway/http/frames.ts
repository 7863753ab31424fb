import { invalidRequest, ServiceError } from '../../rpc/errors.js';

/** A flag and a length of four bytes come before every message. */
const FRAME_HEAD_BYTES = 5;

/** One message, or one word about the stream, as Connect and gRPC-Web put it into a body. */
export interface Frame {
  readonly flags: number;
  readonly payload: Buffer;
}

/**
 * Takes the frames out of a body as it comes, and reads no further than is asked for. Throws a ServiceError for a frame
 * that is larger than allowed, as soon as its head is there, and for a body that ends within one.
 */
export async function* readFrames(body: AsyncIterable<Buffer>, payloadBytesMax: number): AsyncGenerator<Frame> {
  let held: Buffer[] = [];
  let heldBytes = 0;
  let wantedBytes = FRAME_HEAD_BYTES;
  for await (const chunk of body) {
    held.push(chunk);
    heldBytes += chunk.length;
    while (heldBytes >= wantedBytes) {
      const bytes = held.length === 1 && held[0] !== undefined ? held[0] : Buffer.concat(held, heldBytes);
      wantedBytes = frameBytes(bytes, payloadBytesMax);
      const isWhole = heldBytes >= wantedBytes;
      const rest = isWhole ? bytes.subarray(wantedBytes) : bytes;
      held = rest.length === 0 ? [] : [rest];
      heldBytes = rest.length;
      if (!isWhole) break;
      yield { flags: bytes.readUInt8(0), payload: bytes.subarray(FRAME_HEAD_BYTES, wantedBytes) };
      wantedBytes = FRAME_HEAD_BYTES;
    }
  }
  if (heldBytes > 0) throw invalidRequest([{ field: '', description: 'Body ends within a frame' }]);
}

function frameBytes(head: Buffer, payloadBytesMax: number): number {
  const payloadBytes = head.readUInt32BE(1);
  if (payloadBytes <= payloadBytesMax) return FRAME_HEAD_BYTES + payloadBytes;
  throw new ServiceError('MESSAGE_TOO_LARGE', `Message is larger than ${payloadBytesMax} bytes`);
}

/** Puts the head before a payload. */
export function frame(flags: number, payload: Uint8Array): Buffer {
  const whole = Buffer.allocUnsafe(FRAME_HEAD_BYTES + payload.length);
  whole.writeUInt8(flags, 0);
  whole.writeUInt32BE(payload.length, 1);
  whole.set(payload, FRAME_HEAD_BYTES);
  return whole;
}
