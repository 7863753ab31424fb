import { ConnectionError, ErrorCode, FRAME_BYTES_MAX, FRAME_HEAD_BYTES, PREFACE, STREAM_ID_MAX } from './protocol.js';

/** A frame that has arrived whole: its payload is `bytes` from `start` to `end`. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

const NOTHING = Buffer.alloc(0);
/** The buffer of a frame that arrives in pieces starts at this size, and doubles as its bytes come. */
const PART_BYTES_FIRST = 256;

/**
 * Cuts what a client sends into frames (RFC 9113, section 4.1), behind the preface. Memory follows what has arrived, never
 * what was announced; a frame that arrives in one piece is not copied.
 */
export class FrameReader {
  #prefaceLength = 0;
  /** The beginning of a frame whose rest has not arrived. */
  #part: Buffer = NOTHING;
  #partLength = 0;

  /** Tells whether bytes have come that are no whole frame yet. */
  get isInsideFrame(): boolean {
    return this.#partLength > 0;
  }

  /** Takes the next bytes, and hands on every frame that is complete with them. Throws {@link ConnectionError}. */
  push(chunk: Buffer, handle: (frame: Frame) => void): void {
    let at = this.#prefaceLength < PREFACE.length ? this.#takePreface(chunk) : 0;
    if (this.#partLength > 0) at = this.#takePart(chunk, at, handle);
    while (chunk.length - at >= FRAME_HEAD_BYTES) {
      const end = at + FRAME_HEAD_BYTES + lengthAt(chunk, at);
      if (end > chunk.length) break;
      handle(frameAt(chunk, at, end));
      at = end;
    }
    if (at < chunk.length) this.#keep(chunk, at, chunk.length);
  }

  /** Gives where the frames begin. Does not wait for the end of what is wrong already. */
  #takePreface(chunk: Buffer): number {
    const taken = Math.min(chunk.length, PREFACE.length - this.#prefaceLength);
    const wanted = PREFACE.subarray(this.#prefaceLength, this.#prefaceLength + taken);
    if (!wanted.equals(chunk.subarray(0, taken))) {
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'Connection does not begin as HTTP/2 does');
    }
    this.#prefaceLength += taken;
    return taken;
  }

  /** Completes the frame that has begun, and gives where the next one begins. */
  #takePart(chunk: Buffer, start: number, handle: (frame: Frame) => void): number {
    const headEnd = Math.min(chunk.length, start + Math.max(0, FRAME_HEAD_BYTES - this.#partLength));
    this.#keep(chunk, start, headEnd);
    if (this.#partLength < FRAME_HEAD_BYTES) return headEnd;
    const wanted = FRAME_HEAD_BYTES + lengthAt(this.#part, 0);
    const end = Math.min(chunk.length, headEnd + wanted - this.#partLength);
    this.#keep(chunk, headEnd, end);
    if (this.#partLength < wanted) return end;
    const part = this.#part;
    // Whoever takes the frame may hold on to its bytes.
    this.#part = NOTHING;
    this.#partLength = 0;
    handle(frameAt(part, 0, wanted));
    return end;
  }

  #keep(chunk: Buffer, start: number, end: number): void {
    const length = this.#partLength + end - start;
    if (length > this.#part.length) {
      const grown = Buffer.allocUnsafe(Math.max(length, PART_BYTES_FIRST, 2 * this.#part.length));
      this.#part.copy(grown, 0, 0, this.#partLength);
      this.#part = grown;
    }
    chunk.copy(this.#part, this.#partLength, start, end);
    this.#partLength = length;
  }
}

function lengthAt(bytes: Buffer, at: number): number {
  const length = bytes.readUIntBE(at, 3);
  if (length > FRAME_BYTES_MAX) {
    throw new ConnectionError(
      ErrorCode.FRAME_SIZE_ERROR,
      `Frame has ${length} bytes, expected at most ${FRAME_BYTES_MAX}`,
    );
  }
  return length;
}

function frameAt(bytes: Buffer, at: number, end: number): Frame {
  return {
    type: bytes[at + 3] ?? 0,
    flags: bytes[at + 4] ?? 0,
    // The first bit is reserved, and ignored.
    streamId: bytes.readUInt32BE(at + 5) & STREAM_ID_MAX,
    bytes,
    start: at + FRAME_HEAD_BYTES,
    end,
  };
}
