import type { RawData, WebSocket } from 'ws';
import { ServiceError } from '../../rpc/errors.js';

/** So many frames, or bytes, wait for the handler before the socket is read no further. */
const WAITING_FRAMES_MAX = 16;
const WAITING_BYTES_MAX = 64 * 1024;

/** A frame as it came. */
export interface SocketFrame {
  readonly bytes: Buffer;
  readonly isBinary: boolean;
}

/** Gives the frames of a socket in their order. While they are not taken, the socket is not read. */
export class Inbox {
  readonly #socket: WebSocket;
  readonly #waiting: SocketFrame[] = [];
  #waitingBytes = 0;
  #isClosed = false;
  #wake: (() => void) | undefined;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data: RawData, isBinary: boolean) => this.#put({ bytes: toBuffer(data), isBinary }));
    socket.once('close', () => {
      this.#isClosed = true;
      this.#wake?.();
    });
  }

  /** Waits for the next frame. Throws a ServiceError where the socket has closed. */
  async take(): Promise<SocketFrame> {
    for (;;) {
      const frame = this.#waiting.shift();
      if (frame !== undefined) {
        this.#waitingBytes -= frame.bytes.length;
        if (this.#socket.isPaused && !this.#isFull()) this.#socket.resume();
        return frame;
      }
      if (this.#isClosed) throw new ServiceError('CALL_CANCELLED', 'Requests were broken off by the caller');
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #put(frame: SocketFrame): void {
    this.#waiting.push(frame);
    this.#waitingBytes += frame.bytes.length;
    if (this.#isFull()) this.#socket.pause();
    this.#wake?.();
  }

  #isFull(): boolean {
    return this.#waiting.length >= WAITING_FRAMES_MAX || this.#waitingBytes >= WAITING_BYTES_MAX;
  }
}

function toBuffer(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
