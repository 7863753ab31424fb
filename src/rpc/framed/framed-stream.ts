import type { OutgoingHttpHeaders } from 'node:http2';
import type { CallStream, Peer, PieceReader, RequestBody } from '../grpc/call-stream.js';
import { forEachHeader, RESPONSE_HEADERS } from '../grpc/headers.js';
import type { CallMetadata } from '../metadata.js';
import { AnswerToStream } from './answer-to-stream.js';
import type { HpackEncoder } from './hpack/encoder.js';
import type { Output } from './output.js';
import { ErrorCode, READ_WINDOW_BYTES, RECEIVE_WINDOW_BYTES, StreamError } from './protocol.js';
import type { FieldHeaders } from './request-headers.js';
import type { Sender, SendingStream } from './sender.js';

/** Who has taken so much of a request piece by piece is a reader who will take more. */
const READ_BYTES_TO_WIDEN = READ_WINDOW_BYTES;
/** Pieces that wait for a reader are put together up to this size: each may be a byte. */
const JOINED_BYTES_MAX = 4 * 1024;

/** What a stream needs of its connection. */
export interface StreamLink {
  readonly peer: Peer;
  readonly output: Output;
  readonly sender: Sender;
  readonly encoder: HpackEncoder;
  /** Takes notice that a stream is over, whoever ended it. */
  forget(stream: FramedStream): void;
}

/** What a block of headers is besides them. */
interface HeaderBlock {
  /** Whether nothing follows it. */
  readonly isEnd: boolean;
  /** What stands behind the headers. */
  readonly metadata?: CallMetadata;
}

/** One stream of a connection (RFC 9113, section 5.1), from its headers to its end. */
export class FramedStream implements CallStream, RequestBody, SendingStream {
  readonly id: number;
  readonly headers: FieldHeaders;
  readonly #link: StreamLink;
  sendWindow: number;
  pending: Buffer | undefined;
  isClosed = false;
  /** True where the stream was cut before both sides were through. */
  isBrokenOff = false;
  /** True where this side has cut the stream, while its peer may still have been sending. */
  isCutHere = false;
  /** True when the peer has sent all that it will. */
  isRequestEnded = false;
  /** True once the call has begun. */
  isAccepted = false;
  /** The status that went out, for the figures. */
  status: string | undefined;
  #receiveWindow: number;
  #bytesReceived = 0;
  /** What the peer may send and what waits here are so much together. */
  #windowBytes = RECEIVE_WINDOW_BYTES;
  #bytesToTell = 0;
  #bytesToWiden = READ_BYTES_TO_WIDEN;
  readonly #pieces: Buffer[] = [];
  #reader: PieceReader | undefined;
  #wakePieces: (() => void) | undefined;
  #onSent: (() => void) | undefined;
  #onClose: (() => void) | undefined;
  #trailers: OutgoingHttpHeaders | undefined;
  #pendingBefore: Buffer | undefined;

  constructor(id: number, headers: FieldHeaders, link: StreamLink, receiveWindow: number) {
    this.id = id;
    this.headers = headers;
    this.#link = link;
    this.#receiveWindow = receiveWindow;
    this.sendWindow = link.sender.streamWindow;
  }

  get peer(): Peer {
    return this.#link.peer;
  }

  get body(): RequestBody {
    return this;
  }

  get whole(): Buffer | undefined {
    return this.isRequestEnded && this.#pieces.length === 1 ? this.#pieces[0] : undefined;
  }

  onClose(listener: () => void): void {
    this.#onClose = listener;
  }

  refuse(httpStatus: number): void {
    this.open({ ':status': String(httpStatus) }, { isEnd: true });
  }

  endWithStatus(status: OutgoingHttpHeaders): void {
    this.open({ ...RESPONSE_HEADERS, ...status }, { isEnd: true });
  }

  answer(metadata: Parameters<CallStream['answer']>[0]): AnswerToStream {
    return new AnswerToStream(this, metadata);
  }

  read(reader: PieceReader): void {
    this.#reader = reader;
    this.#bytesToWiden = 0;
    for (const piece of this.#pieces.splice(0)) {
      this.#consume(piece.length);
      reader.piece(piece);
    }
    if (this.isRequestEnded) reader.end();
    else if (this.isClosed) reader.breakOff();
  }

  async *pieces(): AsyncGenerator<Buffer> {
    while (!this.isBrokenOff) {
      const piece = this.#pieces.shift();
      if (piece !== undefined) {
        yield piece;
        // Only now: whoever asks for no more may hold all of this one.
        this.#consume(piece.length);
      } else if (this.isRequestEnded || this.isClosed) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wakePieces = resolve;
        });
      }
    }
  }

  /** Takes a part of the body, and how much of the window its frame took. Throws {@link StreamError}. */
  receive(piece: Buffer, frameBytes: number): void {
    if (this.isRequestEnded) throw this.#error(ErrorCode.STREAM_CLOSED, 'Request goes on behind its end');
    this.#receiveWindow -= frameBytes;
    if (this.#receiveWindow < 0) throw this.#error(ErrorCode.FLOW_CONTROL_ERROR, 'Peer sends more than its window');
    this.#bytesReceived += piece.length;
    this.#consume(frameBytes - piece.length);
    if (piece.length === 0) return;
    if (this.#reader !== undefined) {
      this.#consume(piece.length);
      this.#reader.piece(piece);
      return;
    }
    this.#hold(piece);
    this.#wake();
  }

  /** Takes notice that the peer has taken back a part of the window, which may leave less than none. */
  narrowWindow(bytes: number): void {
    this.#receiveWindow -= bytes;
  }

  /** Takes END_STREAM. Throws {@link StreamError}. */
  endRequest(): void {
    const { contentLength } = this.headers;
    if (contentLength !== undefined && contentLength !== this.#bytesReceived) {
      throw this.#error(ErrorCode.PROTOCOL_ERROR, 'Body has another length than its headers say');
    }
    this.isRequestEnded = true;
    this.#reader?.end();
    this.#wake();
  }

  /** Sends the headers of the answer; with `isEnd` that is all of it. */
  open(headers: OutgoingHttpHeaders, block: HeaderBlock): void {
    this.#writeHeaders(headers, block);
    if (block.isEnd) this.#finish();
  }

  /** Sends a message. Gives undefined where it has gone, or else what settles then, or when the stream is over. */
  send(message: Uint8Array): Promise<void> | undefined {
    this.#link.sender.send(this, message);
    if (this.pending === undefined) return undefined;
    return new Promise((resolve) => {
      this.#onSent = resolve;
    });
  }

  /** Ends the answer with those trailers, behind the messages. */
  end(trailers: OutgoingHttpHeaders): void {
    this.#trailers = trailers;
    if (this.pending === undefined) this.#sendTrailers();
  }

  onSent(): void {
    const onSent = this.#onSent;
    this.#onSent = undefined;
    onSent?.();
    if (this.#trailers !== undefined) this.#sendTrailers();
  }

  /** Tells whether the answer has ended here, and has not got on since this was last asked. */
  hasStalled(): boolean {
    const hasStalled = this.#trailers !== undefined && this.pending === this.#pendingBefore;
    this.#pendingBefore = this.pending;
    return hasStalled;
  }

  /** Breaks the stream off, and tells the peer. */
  cut(code: ErrorCode): void {
    if (this.isClosed) return;
    this.#reset(code);
    this.breakOff();
  }

  /** Takes notice that the stream has been broken off. */
  breakOff(): void {
    if (this.isClosed) return;
    this.isBrokenOff = true;
    this.#close();
  }

  #sendTrailers(): void {
    this.#writeHeaders(this.#trailers ?? {}, { isEnd: true });
    this.#finish();
  }

  #writeHeaders(headers: OutgoingHttpHeaders, { isEnd, metadata }: HeaderBlock): void {
    const { encoder, output } = this.#link;
    encoder.begin();
    for (const name of Object.keys(headers)) {
      const value = headers[name];
      if (Array.isArray(value)) for (const text of value) encoder.add(name, text);
      else encoder.add(name, String(value));
    }
    if (metadata !== undefined) forEachHeader(metadata, (name, value) => encoder.add(name, value));
    output.headers(this.id, encoder, { isEnd });
    if (isEnd) this.status = headers['grpc-status'] as string | undefined;
  }

  #finish(): void {
    // A peer that still sends is told to stop (section 8.1): the stream would stay open, and count, until it did.
    if (!this.isRequestEnded) this.#reset(ErrorCode.NO_ERROR);
    this.#close();
  }

  #reset(code: ErrorCode): void {
    this.isCutHere = true;
    this.#link.output.resetStream(this.id, code);
  }

  #close(): void {
    this.isClosed = true;
    this.#link.sender.drop(this);
    this.#link.forget(this);
    if (!this.isRequestEnded) this.#reader?.breakOff();
    this.#pieces.length = 0;
    this.#wake();
    this.#onSent?.();
    this.#onClose?.();
  }

  #hold(piece: Buffer): void {
    const last = this.#pieces.at(-1);
    if (last !== undefined && last.length + piece.length <= JOINED_BYTES_MAX) {
      this.#pieces[this.#pieces.length - 1] = Buffer.concat([last, piece]);
    } else {
      // A piece is a part of all that was read with it: one that waits for long must not keep the rest.
      this.#pieces.push(this.isAccepted ? Buffer.from(piece) : piece);
    }
  }

  #consume(bytes: number): void {
    this.#bytesToTell += bytes;
    this.#bytesToWiden -= bytes;
    // The peer is given back its window when it has used half of it.
    if (this.#bytesToTell < this.#windowBytes / 2 || this.isRequestEnded || this.isClosed) return;
    if (this.#bytesToWiden <= 0) {
      this.#bytesToTell += READ_WINDOW_BYTES - this.#windowBytes;
      this.#windowBytes = READ_WINDOW_BYTES;
    }
    this.#link.output.windowUpdate(this.id, this.#bytesToTell);
    this.#receiveWindow += this.#bytesToTell;
    this.#bytesToTell = 0;
  }

  #wake(): void {
    const wake = this.#wakePieces;
    this.#wakePieces = undefined;
    wake?.();
  }

  #error(code: ErrorCode, message: string): StreamError {
    return new StreamError(this.id, code, message);
  }
}
