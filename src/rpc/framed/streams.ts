import type { CallStream } from '../grpc/call-stream.js';
import type { Limits } from '../limits.js';
import { Budget } from './budget.js';
import { ClosedStreams } from './closed-streams.js';
import type { Frame } from './frame-reader.js';
import { FramedStream, type StreamLink } from './framed-stream.js';
import { dependsOnItself, type StreamHeaders } from './header-blocks.js';
import { withoutPadding } from './padding.js';
import {
  assertLength,
  ConnectionError,
  ErrorCode,
  Flag,
  RECEIVE_WINDOW_BYTES,
  STREAM_ID_MAX,
  StreamError,
  WINDOW_BYTES_DEFAULT,
} from './protocol.js';
import { readRequest, readTrailers } from './request-headers.js';

/**
 * The window of a connection is given back as soon as it is used, so that no stream that waits holds up the others: what a
 * peer can make us hold is bounded by the windows of its streams.
 */
export const CONNECTION_WINDOW_BYTES = 1024 * 1024;
/** A connection that waits to send so much gets no new streams until it has read. */
const PENDING_BYTES_MAX = 64 * 1024 * 1024;
/** So many streams may be reset, or break a rule, at once, and then each second: as nghttp2 has it. */
const RESETS = { max: 1000, perSecond: 33 };
/** Frames that carry nothing. */
const IDLE_FRAMES = { max: 1000, perSecond: 100 };
const PRIORITY_BYTES = 5;
const RESET_BYTES = 4;
const WINDOW_UPDATE_BYTES = 4;

/** Told of the streams of a connection, for whoever counts. */
export interface StreamWatch {
  begin(): void;
  /** With the `grpc-status` that went out, if one did. */
  end(status: string | undefined): void;
}

export interface StreamsDeps {
  readonly link: Omit<StreamLink, 'forget'>;
  readonly limits: Limits;
  readonly listBytesMax: number;
  readonly watch: StreamWatch | undefined;
  readonly handle: (stream: CallStream) => void;
  /** Is called when the last stream has closed. */
  readonly onEmpty: () => void;
}

/**
 * The streams of one connection, and the frames that are for them (RFC 9113, sections 5 and 6). What takes a frame throws
 * ConnectionError or StreamError where the peer has broken a rule.
 */
export class Streams {
  readonly #deps: StreamsDeps;
  readonly #link: StreamLink;
  readonly #open = new Map<number, FramedStream>();
  readonly #closed = new ClosedStreams();
  readonly #resets = new Budget(RESETS);
  readonly #idleFrames = new Budget(IDLE_FRAMES);
  /** Streams whose calls have not begun. */
  #fresh: FramedStream[] = [];
  #lastId = 0;
  #lastIdTaken = STREAM_ID_MAX;
  #receiveWindow = CONNECTION_WINDOW_BYTES;
  /** Of a stream that begins now. */
  #streamWindow = WINDOW_BYTES_DEFAULT;

  constructor(deps: StreamsDeps) {
    this.#deps = deps;
    this.#link = { ...deps.link, forget: (stream) => this.#forget(stream) };
  }

  get isEmpty(): boolean {
    return this.#open.size === 0;
  }

  get lastId(): number {
    return this.#lastId;
  }

  /** Ignores streams that begin from now on: the peer has been told that they are not answered. */
  takeNoMore(): void {
    this.#lastIdTaken = this.#lastId;
  }

  /**
   * Begins the calls of new streams, once all has been taken that was read with them: a stream that was opened and reset in
   * one breath costs no more than that, and a request that came whole is there at once. Each call has a callback of its own,
   * so that one which waits for nothing is done before the next one is judged: else all that came at once would seem to
   * run at one time, and be turned away by a server that is late.
   */
  beginCalls(): void {
    if (this.#fresh.length === 0) return;
    for (const stream of this.#fresh) setImmediate(this.#begin, stream);
    this.#fresh = [];
  }

  breakOff(): void {
    for (const stream of [...this.#open.values()]) stream.breakOff();
  }

  /** Cuts the streams whose answers have ended, and have not got on since this was called the last time. */
  cutStalled(): void {
    for (const stream of [...this.#open.values()]) if (stream.hasStalled()) stream.cut(ErrorCode.CANCEL);
  }

  /** Ends one stream for what its peer did (section 5.4.2). */
  fail({ streamId, code }: StreamError): void {
    this.#countReset();
    const stream = this.#open.get(streamId);
    if (stream !== undefined) return stream.cut(code);
    this.#link.output.resetStream(streamId, code);
    if (this.#closed.find(streamId) === undefined) this.#closed.add(streamId, 'cut');
  }

  /** Takes a frame that asks for nothing, of which there may be many, but not too many. */
  countIdleFrame(): void {
    if (this.#idleFrames.take()) return;
    throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, 'Too many frames carry nothing');
  }

  setWindow(bytes: number): void {
    this.#link.sender.setStreamWindow(bytes, this.#open.values());
  }

  /** Takes notice that the peer goes by our settings, for the streams that it has opened as well (section 6.9.2). */
  narrowWindows(): void {
    for (const stream of this.#open.values()) stream.narrowWindow(this.#streamWindow - RECEIVE_WINDOW_BYTES);
    this.#streamWindow = RECEIVE_WINDOW_BYTES;
  }

  /** Section 6.1. */
  takeData(frame: Frame): void {
    const { streamId, bytes, flags } = frame;
    this.#assertNotIdle(streamId, 'DATA');
    const { start, end } = withoutPadding(frame);
    const frameBytes = frame.end - frame.start;
    this.#useWindow(frameBytes);
    const isEnd = (flags & Flag.END_STREAM) !== 0;
    if (start === end && !isEnd) this.countIdleFrame();
    const stream = this.#open.get(streamId);
    if (stream === undefined) return this.#takeLateData(streamId);
    stream.receive(bytes.subarray(start, end), frameBytes);
    if (isEnd) stream.endRequest();
  }

  takeHeaders(headers: StreamHeaders): void {
    const { streamId } = headers;
    const stream = this.#open.get(streamId);
    if (stream !== undefined) this.#takeTrailers(stream, headers);
    else if (streamId > this.#lastId) this.#takeRequest(headers);
    else this.#takeLateHeaders(streamId);
  }

  /** Section 6.3. */
  takePriority({ streamId, bytes, start, end }: Frame): void {
    if (streamId === 0) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'PRIORITY is for a stream');
    this.countIdleFrame();
    if (end - start !== PRIORITY_BYTES) {
      throw new StreamError(streamId, ErrorCode.FRAME_SIZE_ERROR, 'PRIORITY has a wrong length');
    }
    if ((bytes.readUInt32BE(start) & STREAM_ID_MAX) === streamId) throw dependsOnItself(streamId);
  }

  /** Section 6.4. */
  takeReset({ streamId, start, end }: Frame): void {
    this.#assertNotIdle(streamId, 'RST_STREAM');
    assertLength('RST_STREAM', end - start, RESET_BYTES);
    const stream = this.#open.get(streamId);
    if (stream === undefined) return this.countIdleFrame();
    this.#countReset();
    stream.breakOff();
  }

  /** Section 6.9. */
  takeWindowUpdate({ streamId, bytes, start, end }: Frame): void {
    assertLength('WINDOW_UPDATE', end - start, WINDOW_UPDATE_BYTES);
    const increment = bytes.readUInt32BE(start) & STREAM_ID_MAX;
    if (streamId === 0) {
      if (increment === 0) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'WINDOW_UPDATE widens by nothing');
      return this.#link.sender.widen(increment);
    }
    this.#assertNotIdle(streamId, 'WINDOW_UPDATE');
    if (increment === 0) throw new StreamError(streamId, ErrorCode.PROTOCOL_ERROR, 'WINDOW_UPDATE widens by nothing');
    const stream = this.#open.get(streamId);
    if (stream !== undefined) this.#link.sender.widenStream(stream, increment);
  }

  readonly #begin = (stream: FramedStream): void => {
    if (stream.isClosed) return;
    stream.isAccepted = true;
    this.#deps.handle(stream);
  };

  /** Section 5.1.1. */
  #takeRequest({ streamId, list, isEnd, fault }: StreamHeaders): void {
    if (streamId > this.#lastIdTaken) return;
    this.#lastId = streamId;
    if (fault !== undefined) throw fault;
    if (this.#open.size >= this.#deps.limits.streamsPerConnectionMax) {
      throw new StreamError(streamId, ErrorCode.REFUSED_STREAM, 'Connection has too many streams');
    }
    if (list.bytes > this.#deps.listBytesMax || this.#link.sender.bytesPending > PENDING_BYTES_MAX) {
      throw new StreamError(
        streamId,
        ErrorCode.ENHANCE_YOUR_CALM,
        'Headers are too long, or too much waits for the peer',
      );
    }
    const stream = new FramedStream(streamId, readRequest(streamId, list), this.#link, this.#streamWindow);
    this.#open.set(streamId, stream);
    this.#fresh.push(stream);
    this.#deps.watch?.begin();
    if (isEnd) stream.endRequest();
  }

  /** Section 8.1: there are headers in front of a body, and trailers behind it. */
  #takeTrailers(stream: FramedStream, { streamId, list, isEnd, fault }: StreamHeaders): void {
    if (fault !== undefined) throw fault;
    if (stream.isRequestEnded) {
      throw new StreamError(streamId, ErrorCode.STREAM_CLOSED, 'Trailers come behind the end of the request');
    }
    if (!isEnd) throw new StreamError(streamId, ErrorCode.PROTOCOL_ERROR, 'Trailers do not end the request');
    readTrailers(streamId, list);
    stream.endRequest();
  }

  #takeLateHeaders(streamId: number): void {
    const closing = this.#closed.find(streamId);
    if (closing === 'cut') return;
    const code = closing === 'ended' ? ErrorCode.STREAM_CLOSED : ErrorCode.PROTOCOL_ERROR;
    throw new ConnectionError(code, 'Headers are for a stream that is over, or was passed over');
  }

  /** What was sent before the peer knew of the end of a stream, or of the last GOAWAY, is ignored. */
  #takeLateData(streamId: number): void {
    if (streamId > this.#lastIdTaken || this.#closed.find(streamId) === 'cut') return;
    throw new StreamError(streamId, ErrorCode.STREAM_CLOSED, 'DATA is for a stream that is over');
  }

  #assertNotIdle(streamId: number, name: string): void {
    // Clients open streams with odd numbers, and servers, which push nothing here, none.
    if (streamId % 2 === 1 && streamId <= this.#lastId) return;
    // Behind the last GOAWAY streams are not looked at.
    if (streamId > this.#lastIdTaken && streamId % 2 === 1) return;
    throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `${name} is for a stream that nobody has opened`);
  }

  /** Section 6.9.1: the window of the connection counts whatever becomes of the bytes. */
  #useWindow(bytes: number): void {
    this.#receiveWindow -= bytes;
    if (this.#receiveWindow < 0) {
      throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, 'Peer sends more than the window of its connection');
    }
    if (this.#receiveWindow > CONNECTION_WINDOW_BYTES / 2) return;
    this.#link.output.windowUpdate(0, CONNECTION_WINDOW_BYTES - this.#receiveWindow);
    this.#receiveWindow = CONNECTION_WINDOW_BYTES;
  }

  #countReset(): void {
    if (this.#resets.take()) return;
    throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, 'Too many streams are reset');
  }

  #forget(stream: FramedStream): void {
    this.#open.delete(stream.id);
    this.#closed.add(stream.id, stream.isCutHere ? 'cut' : 'ended');
    this.#deps.watch?.end(stream.status);
    if (this.#open.size === 0) this.#deps.onEmpty();
  }
}
