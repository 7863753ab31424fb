import { toFrame } from '../grpc/frames.js';
import type { Output } from './output.js';
import {
  ConnectionError,
  ErrorCode,
  FRAME_BYTES_MAX,
  StreamError,
  WINDOW_BYTES_DEFAULT,
  WINDOW_BYTES_MAX,
} from './protocol.js';

/** Messages up to this size go out in one step, where the windows let them. */
const SMALL_BYTES_MAX = 8 * 1024;
const PREFIX_BYTES = 5;

/** A stream that sends. */
export interface SendingStream {
  readonly id: number;
  /** How much its peer takes on it (RFC 9113, section 5.2). Below 0 where the peer has taken some back. */
  sendWindow: number;
  /** What waits for the peer. */
  pending: Buffer | undefined;
  /** Is called when nothing waits any more. */
  onSent(): void;
}

/** Sends messages as flow control lets it (RFC 9113, sections 5.2 and 6.9), and as the peer reads: streams take turns. */
export class Sender {
  readonly #output: Output;
  /** In the order of their turns. */
  readonly #waiting = new Set<SendingStream>();
  #window = WINDOW_BYTES_DEFAULT;
  #streamWindow = WINDOW_BYTES_DEFAULT;
  #bytesPending = 0;

  constructor(output: Output) {
    this.#output = output;
  }

  /** The window of a stream that begins now. */
  get streamWindow(): number {
    return this.#streamWindow;
  }

  /** What all streams together wait to send. */
  get bytesPending(): number {
    return this.#bytesPending;
  }

  /** Sends a message, or as much of it as may go; the stream hears of it when the rest has gone. */
  send(stream: SendingStream, message: Uint8Array): void {
    const length = PREFIX_BYTES + message.byteLength;
    if (length <= SMALL_BYTES_MAX && length <= this.#window && length <= stream.sendWindow && !this.#output.isFull) {
      this.#window -= length;
      stream.sendWindow -= length;
      this.#output.message(stream.id, message);
      return;
    }
    stream.pending = toFrame(message);
    this.#bytesPending += length;
    this.#waiting.add(stream);
    this.resume();
  }

  /** Forgets what a stream waits to send. */
  drop(stream: SendingStream): void {
    if (stream.pending === undefined) return;
    this.#bytesPending -= stream.pending.length;
    stream.pending = undefined;
    this.#waiting.delete(stream);
  }

  /** Sends what may go now: a frame of each stream in turn. */
  resume(): void {
    for (const stream of this.#waiting) {
      if (this.#window <= 0 || this.#output.isFull) return;
      if (stream.sendWindow <= 0) continue;
      this.#waiting.delete(stream);
      this.#sendFrame(stream);
      // Behind the others, where this loop gets to it again.
      if (stream.pending !== undefined) this.#waiting.add(stream);
      else stream.onSent();
    }
  }

  /** Takes a WINDOW_UPDATE for the connection. Throws {@link ConnectionError}. */
  widen(increment: number): void {
    this.#window += increment;
    if (this.#window > WINDOW_BYTES_MAX) {
      throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, 'The window of the connection is too large');
    }
    this.resume();
  }

  /** Takes a WINDOW_UPDATE for a stream. Throws {@link StreamError}. */
  widenStream(stream: SendingStream, increment: number): void {
    stream.sendWindow += increment;
    if (stream.sendWindow > WINDOW_BYTES_MAX) {
      throw new StreamError(stream.id, ErrorCode.FLOW_CONTROL_ERROR, 'The window of a stream is too large');
    }
    if (stream.pending !== undefined) this.resume();
  }

  /** Takes SETTINGS_INITIAL_WINDOW_SIZE, which changes open streams as well (section 6.9.2). */
  setStreamWindow(bytes: number, streams: Iterable<SendingStream>): void {
    const growth = bytes - this.#streamWindow;
    this.#streamWindow = bytes;
    for (const stream of streams) {
      stream.sendWindow += growth;
      if (stream.sendWindow > WINDOW_BYTES_MAX) {
        throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, 'The window of a stream is too large');
      }
    }
    if (growth > 0) this.resume();
  }

  #sendFrame(stream: SendingStream): void {
    const { pending } = stream;
    if (pending === undefined) return;
    const length = Math.min(pending.length, this.#window, stream.sendWindow, FRAME_BYTES_MAX);
    this.#window -= length;
    stream.sendWindow -= length;
    this.#bytesPending -= length;
    this.#output.data(stream.id, length === pending.length ? pending : pending.subarray(0, length));
    stream.pending = length === pending.length ? undefined : pending.subarray(length);
  }
}
