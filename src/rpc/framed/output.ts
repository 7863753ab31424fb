import type { Socket } from 'node:net';
import type { HpackEncoder } from './hpack/encoder.js';
import { Flag, FRAME_BYTES_MAX, FRAME_HEAD_BYTES, FrameType, type ErrorCode, type Setting } from './protocol.js';

/** Frames are gathered in chunks of this size, of which a server has so many lie ready. */
const CHUNK_BYTES = 32 * 1024;
const CHUNKS_KEPT_MAX = 64;
/** A payload beyond this goes to the socket as it is; one below is cheaper to copy. */
const COPIED_BYTES_MAX = 8 * 1024;
/** A connection that has so much on its way gets no more messages until some of it has left. */
const OUTPUT_BYTES_MAX = 128 * 1024;
/** A peer that lets answers pile up, to its pings and settings say, is not listened to until it has read some. */
const OUTPUT_BYTES_TO_PAUSE = 512 * 1024;
const SETTING_BYTES = 6;
const PREFIX_BYTES = 5;

/** Sends what the connections of a server have written, once a turn of the event loop: what is written together goes together. */
export class FlushQueue {
  readonly #waiting = new Set<Output>();
  readonly #chunks: Buffer[] = [];

  add(output: Output): void {
    if (this.#waiting.size === 0) setImmediate(() => this.#flush());
    this.#waiting.add(output);
  }

  takeChunk(): Buffer {
    return this.#chunks.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
  }

  giveBack(chunk: Buffer): void {
    if (this.#chunks.length < CHUNKS_KEPT_MAX) this.#chunks.push(chunk);
  }

  #flush(): void {
    const outputs = [...this.#waiting];
    this.#waiting.clear();
    for (const output of outputs) output.flush();
  }
}

/** Writes frames to a socket (RFC 9113, section 6). What it writes is on its way; holding messages back is for others. */
export class Output {
  readonly #socket: Socket;
  readonly #queue: FlushQueue;
  readonly #onDrain: () => void;
  /** Whole pieces, in front of what is in the chunk. */
  #pieces: Buffer[] = [];
  #chunk: Buffer | undefined;
  #chunkStart = 0;
  #chunkEnd = 0;
  /** Chunks whose bytes have not left. */
  #fullChunks: Buffer[] = [];
  #bytesGathered = 0;
  #bytesLeaving = 0;

  /** `onDrain` is called when something has left. */
  constructor({ socket, queue, onDrain }: { socket: Socket; queue: FlushQueue; onDrain: () => void }) {
    this.#socket = socket;
    this.#queue = queue;
    this.#onDrain = onDrain;
  }

  /** Tells whether messages must wait. */
  get isFull(): boolean {
    return this.#bytesGathered + this.#bytesLeaving >= OUTPUT_BYTES_MAX;
  }

  /** Tells whether the peer must read before it is listened to. */
  get isOverfull(): boolean {
    return this.#bytesGathered + this.#bytesLeaving >= OUTPUT_BYTES_TO_PAUSE;
  }

  settings(settings: readonly (readonly [setting: (typeof Setting)[keyof typeof Setting], value: number])[]): void {
    const { bytes, at } = this.#frame(FrameType.SETTINGS, { length: SETTING_BYTES * settings.length });
    for (const [index, [setting, value]] of settings.entries()) {
      bytes.writeUInt16BE(setting, at + SETTING_BYTES * index);
      bytes.writeUInt32BE(value, at + SETTING_BYTES * index + 2);
    }
  }

  settingsAck(): void {
    this.#frame(FrameType.SETTINGS, { length: 0, flags: Flag.ACK });
  }

  /** Asks the peer whether it is there. The payload is a number that comes back. */
  ping(payload: bigint): void {
    const { bytes, at } = this.#frame(FrameType.PING, { length: 8 });
    bytes.writeBigUInt64BE(payload, at);
  }

  pingAck(source: Buffer, start: number): void {
    const { bytes, at } = this.#frame(FrameType.PING, { length: 8, flags: Flag.ACK });
    source.copy(bytes, at, start, start + 8);
  }

  goAway(lastStreamId: number, code: ErrorCode, text = ''): void {
    const { bytes, at } = this.#frame(FrameType.GOAWAY, { length: 8 + text.length });
    bytes.writeUInt32BE(lastStreamId, at);
    bytes.writeUInt32BE(code, at + 4);
    bytes.write(text, at + 8, 'latin1');
  }

  resetStream(streamId: number, code: ErrorCode): void {
    const { bytes, at } = this.#frame(FrameType.RST_STREAM, { length: 4, streamId });
    bytes.writeUInt32BE(code, at);
  }

  windowUpdate(streamId: number, increment: number): void {
    const { bytes, at } = this.#frame(FrameType.WINDOW_UPDATE, { length: 4, streamId });
    bytes.writeUInt32BE(increment, at);
  }

  /** Writes a block of headers, in as many frames as it takes. */
  headers(streamId: number, block: HpackEncoder, { isEnd }: { isEnd: boolean }): void {
    let type: number = FrameType.HEADERS;
    let flags = isEnd ? Flag.END_STREAM : 0;
    let start = 0;
    do {
      const length = Math.min(block.length - start, FRAME_BYTES_MAX);
      if (start + length === block.length) flags |= Flag.END_HEADERS;
      const { bytes, at } = this.#frame(type, { length, flags, streamId });
      block.copyTo(bytes, at, start, start + length);
      start += length;
      type = FrameType.CONTINUATION;
      flags = 0;
    } while (start < block.length);
  }

  /** Writes a small message of gRPC, uncompressed, as one frame. */
  message(streamId: number, message: Uint8Array): void {
    const { bytes, at } = this.#frame(FrameType.DATA, { length: PREFIX_BYTES + message.byteLength, streamId });
    bytes[at] = 0;
    bytes.writeUInt32BE(message.byteLength, at + 1);
    bytes.set(message, at + PREFIX_BYTES);
  }

  /** Writes bytes, which nobody may change any more, as one frame. */
  data(streamId: number, payload: Buffer): void {
    if (payload.length <= COPIED_BYTES_MAX) {
      const { bytes, at } = this.#frame(FrameType.DATA, { length: payload.length, streamId });
      bytes.set(payload, at);
      return;
    }
    const head = this.#room(FRAME_HEAD_BYTES);
    writeHead(head.bytes, head.at, { type: FrameType.DATA, length: payload.length, flags: 0, streamId });
    this.#cutChunk();
    this.#pieces.push(payload);
    this.#bytesGathered += payload.length;
  }

  /** Hands everything to the socket at once. */
  flush(): void {
    if (this.#bytesGathered === 0) return;
    this.#cutChunk();
    const [pieces, chunks, bytes] = [this.#pieces, this.#fullChunks, this.#bytesGathered];
    if (this.#chunk !== undefined) chunks.push(this.#chunk);
    this.#chunk = undefined;
    this.#pieces = [];
    this.#fullChunks = [];
    this.#bytesGathered = 0;
    if (this.#socket.destroyed || this.#socket.writableEnded) return;
    this.#bytesLeaving += bytes;
    const onLeft = () => {
      this.#bytesLeaving -= bytes;
      for (const chunk of chunks) this.#queue.giveBack(chunk);
      this.#onDrain();
    };
    const last = pieces.length - 1;
    if (last > 0) this.#socket.cork();
    for (const [index, piece] of pieces.entries()) {
      if (index === last) this.#socket.write(piece, onLeft);
      else this.#socket.write(piece);
    }
    if (last > 0) this.#socket.uncork();
  }

  #frame(
    type: number,
    { length, flags = 0, streamId = 0 }: { length: number; flags?: number; streamId?: number },
  ): { bytes: Buffer; at: number } {
    const { bytes, at } = this.#room(FRAME_HEAD_BYTES + length);
    writeHead(bytes, at, { type, length, flags, streamId });
    return { bytes, at: at + FRAME_HEAD_BYTES };
  }

  /** Gives a place for so many bytes, which are no more than a frame. */
  #room(length: number): { bytes: Buffer; at: number } {
    if (this.#bytesGathered === 0) this.#queue.add(this);
    if (this.#chunk !== undefined && this.#chunk.length - this.#chunkEnd < length) {
      this.#cutChunk();
      this.#fullChunks.push(this.#chunk);
      this.#chunk = undefined;
    }
    if (this.#chunk === undefined) {
      this.#chunk = this.#queue.takeChunk();
      this.#chunkStart = 0;
      this.#chunkEnd = 0;
    }
    const at = this.#chunkEnd;
    this.#chunkEnd += length;
    this.#bytesGathered += length;
    return { bytes: this.#chunk, at };
  }

  #cutChunk(): void {
    if (this.#chunk === undefined || this.#chunkEnd === this.#chunkStart) return;
    this.#pieces.push(this.#chunk.subarray(this.#chunkStart, this.#chunkEnd));
    this.#chunkStart = this.#chunkEnd;
  }
}

/** Section 4.1. */
function writeHead(
  bytes: Buffer,
  at: number,
  { type, length, flags, streamId }: { type: number; length: number; flags: number; streamId: number },
): void {
  bytes.writeUIntBE(length, at, 3);
  bytes[at + 3] = type;
  bytes[at + 4] = flags;
  bytes.writeUInt32BE(streamId, at + 5);
}
