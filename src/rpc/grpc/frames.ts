/** A message on the wire: a byte that says whether it is compressed, its length in four bytes, and its bytes. */
const PREFIX_BYTES = 5;
/** A buffer starts at this size however long the announced message is, and doubles as its bytes come. */
const BUFFER_BYTES_FIRST = 16 * 1024;
/** Every peer may cut a message into so many pieces, and into one more for each so many bytes. */
const PIECES_FREE = 256;
const PIECE_BYTES_MIN = 64;

/** A message that has arrived whole. */
export interface Frame {
  readonly compressed: boolean;
  readonly bytes: Uint8Array;
}

/** What a peer sent is no sequence of messages, or breaks a limit. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
  readonly kind: 'malformed' | 'too-large' | 'too-many-pieces';

  constructor(kind: FrameError['kind'], message: string) {
    super(message);
    this.kind = kind;
  }
}

/** Puts a message into its frame. */
export function toFrame(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + message.byteLength);
  frame[0] = 0;
  frame.writeUInt32BE(message.byteLength, 1);
  frame.set(message, PREFIX_BYTES);
  return frame;
}

/** Gives the message where the bytes are the frame of one, and it is not compressed. Undefined where they are anything else. */
export function toPlainMessage(bytes: Buffer, messageBytesMax: number): Uint8Array | undefined {
  const length = bytes.byteLength - PREFIX_BYTES;
  if (length < 0 || length > messageBytesMax || bytes[0] !== 0 || bytes.readUInt32BE(1) !== length) return undefined;
  return bytes.subarray(PREFIX_BYTES);
}

/**
 * Cuts a byte stream into messages. Memory follows what has arrived, never what was announced; a message that arrives
 * in one piece is not copied.
 */
export class FrameReader {
  readonly #messageBytesMax: number;
  #prefix = Buffer.alloc(PREFIX_BYTES);
  #prefixFilled = 0;
  #length = 0;
  #body: Buffer = Buffer.alloc(0);
  #bodyFilled = 0;
  #pieces = 0;

  constructor(messageBytesMax: number) {
    this.#messageBytesMax = messageBytesMax;
  }

  /** Takes the next bytes and gives the messages that are complete with them. Throws {@link FrameError}. */
  push(piece: Buffer): Frame[] {
    const frames: Frame[] = [];
    let rest = piece;
    this.#countPiece();
    while (rest.byteLength > 0) {
      rest = this.#prefixFilled < PREFIX_BYTES ? this.#takePrefix(rest) : rest;
      if (this.#prefixFilled < PREFIX_BYTES) break;
      rest = this.#takeBody(rest, frames);
    }
    return frames;
  }

  /** Tells whether the bytes so far end with a whole message. */
  get isBetweenMessages(): boolean {
    return this.#prefixFilled === 0;
  }

  #countPiece(): void {
    this.#pieces += 1;
    if (this.#pieces <= PIECES_FREE + this.#bodyFilled / PIECE_BYTES_MIN) return;
    throw new FrameError('too-many-pieces', `Message comes in pieces of fewer than ${PIECE_BYTES_MIN} bytes`);
  }

  #takePrefix(piece: Buffer): Buffer {
    const taken = piece.copy(this.#prefix, this.#prefixFilled, 0, PREFIX_BYTES - this.#prefixFilled);
    this.#prefixFilled += taken;
    if (this.#prefixFilled === PREFIX_BYTES) {
      this.#length = this.#prefix.readUInt32BE(1);
      if ((this.#prefix[0] ?? 0) > 1) throw new FrameError('malformed', 'Message begins with an unknown flag');
      if (this.#length > this.#messageBytesMax) {
        throw new FrameError('too-large', `Message has ${this.#length} bytes, which is more than are taken`);
      }
    }
    return piece.subarray(taken);
  }

  #takeBody(piece: Buffer, frames: Frame[]): Buffer {
    const wanted = this.#length - this.#bodyFilled;
    if (this.#bodyFilled === 0 && piece.byteLength >= wanted) {
      frames.push(this.#finish(piece.subarray(0, wanted)));
      return piece.subarray(wanted);
    }
    const taken = piece.subarray(0, wanted);
    this.#reserve(this.#bodyFilled + taken.byteLength);
    this.#body.set(taken, this.#bodyFilled);
    this.#bodyFilled += taken.byteLength;
    if (this.#bodyFilled === this.#length) frames.push(this.#finish(this.#body.subarray(0, this.#length)));
    return piece.subarray(taken.byteLength);
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#body.byteLength) return;
    const grown = Buffer.allocUnsafe(
      Math.min(this.#length, Math.max(bytes, BUFFER_BYTES_FIRST, 2 * this.#body.length)),
    );
    grown.set(this.#body.subarray(0, this.#bodyFilled));
    this.#body = grown;
  }

  #finish(bytes: Uint8Array): Frame {
    const compressed = this.#prefix[0] === 1;
    this.#prefixFilled = 0;
    this.#bodyFilled = 0;
    this.#pieces = 1;
    this.#body = Buffer.alloc(0);
    return { compressed, bytes };
  }
}
