import type { Socket } from 'node:net';
import type { CallStream, Peer } from '../grpc/call-stream.js';
import { ACCEPTED_ENCODINGS } from '../grpc/inflate.js';
import type { Limits } from '../limits.js';
import { Budget } from './budget.js';
import { FrameReader, type Frame } from './frame-reader.js';
import { HeaderBlocks } from './header-blocks.js';
import { HpackEncoder } from './hpack/encoder.js';
import { Output, type FlushQueue } from './output.js';
import { readSettings } from './peer-settings.js';
import {
  assertLength,
  ConnectionError,
  ErrorCode,
  Flag,
  FrameType,
  RECEIVE_WINDOW_BYTES,
  Setting,
  STREAM_ID_MAX,
  StreamError,
  WINDOW_BYTES_DEFAULT,
} from './protocol.js';
import { Sender } from './sender.js';
import { CONNECTION_WINDOW_BYTES, Streams, type StreamWatch } from './streams.js';

/** A peer may send so many pings at once, and one more each second, unless it makes calls in between. */
const PINGS = { max: 100, perSecond: 1 };
/** How long a peer may take to answer the ping behind the first GOAWAY, and to hang up behind the last. */
const FAREWELL_MS_MAX = 1000;
const KEEPALIVE_PING = 1n;
const DRAIN_PING = 2n;
const PING_BYTES = 8;
const GOAWAY_BYTES_MIN = 8;

/** The fields of nearly every answer. */
const KNOWN_FIELDS = new Map([
  ['content-type', 'application/grpc+proto'],
  ['grpc-accept-encoding', ACCEPTED_ENCODINGS],
  ['grpc-status', '0'],
]);

export interface ConnectionDeps {
  readonly socket: Socket;
  readonly peer: Peer;
  readonly limits: Limits;
  readonly queue: FlushQueue;
  readonly watch: StreamWatch | undefined;
  readonly handle: (stream: CallStream) => void;
}

/** The server's end of one connection of HTTP/2 (RFC 9113). What its peer does wrong ends the connection, or a stream of it. */
export class Connection {
  readonly #socket: Socket;
  readonly #output: Output;
  readonly #sender: Sender;
  readonly #encoder = new HpackEncoder(KNOWN_FIELDS);
  readonly #reader = new FrameReader();
  readonly #headerBlocks: HeaderBlocks;
  readonly #streams: Streams;
  readonly #pings = new Budget(PINGS);
  readonly #bornMs = performance.now();
  #isGreeted = false;
  /** True when the peer has taken our settings. */
  #isHeard = false;
  #awaitsPong = false;
  #drain: 'no' | 'announced' | 'final' = 'no';
  #isEnding = false;

  constructor({ socket, peer, limits, queue, watch, handle }: ConnectionDeps) {
    this.#socket = socket;
    this.#output = new Output({ socket, queue, onDrain: () => this.#onDrain() });
    this.#sender = new Sender(this.#output);
    // Beyond twice the limit a stream is cut; up to there it is answered with an error that names the limit.
    const listBytesMax = 2 * limits.metadataBytesMax;
    this.#headerBlocks = new HeaderBlocks(listBytesMax);
    const link = { peer, output: this.#output, sender: this.#sender, encoder: this.#encoder };
    const onEmpty = () => this.#hangUpIfDrained();
    this.#streams = new Streams({ link, limits, listBytesMax, watch, handle, onEmpty });
    this.#output.settings([
      [Setting.MAX_CONCURRENT_STREAMS, limits.streamsPerConnectionMax],
      [Setting.INITIAL_WINDOW_SIZE, RECEIVE_WINDOW_BYTES],
      [Setting.MAX_HEADER_LIST_SIZE, listBytesMax],
    ]);
    this.#output.windowUpdate(0, CONNECTION_WINDOW_BYTES - WINDOW_BYTES_DEFAULT);
    socket.on('data', (chunk) => this.#take(chunk));
    // What is wrong with a connection is its peer's affair; 'close' follows.
    socket.on('error', () => undefined);
    socket.once('close', () => {
      this.#isEnding = true;
      this.#streams.breakOff();
    });
  }

  /** Says that new calls go elsewhere (section 6.8), and hangs up when the running ones have ended. */
  goAway(): void {
    if (this.#drain !== 'no' || this.#isEnding) return;
    this.#drain = 'announced';
    // What is on its way is still taken: the answer to the ping comes behind it.
    this.#output.goAway(STREAM_ID_MAX, ErrorCode.NO_ERROR);
    this.#output.ping(DRAIN_PING);
    setTimeout(() => this.#takeNoMore(), FAREWELL_MS_MAX).unref();
  }

  /** Cuts the connection, and every call on it. */
  destroy(): void {
    this.#socket.destroy();
  }

  /** Asks the peer whether it is there, and gives it up where it has not answered the last time. */
  keepAlive(): void {
    if (this.#isEnding) return;
    if (this.#awaitsPong) return this.destroy();
    this.#awaitsPong = true;
    this.#output.ping(KEEPALIVE_PING);
    this.#streams.cutStalled();
  }

  /**
   * Tells whether the peer began before then to speak HTTP/2, or to send headers, and has not come to an end with it. A peer
   * that does not take our settings (section 6.5.3) is among them: its streams have wider windows until it does.
   */
  isSlowSince(beforeMs: number): boolean {
    const isBegun = this.#isGreeted && this.#isHeard;
    return (!isBegun && this.#bornMs < beforeMs) || (this.#headerBlocks.openSinceMs ?? Infinity) < beforeMs;
  }

  #take(chunk: Buffer): void {
    if (this.#isEnding) return;
    try {
      this.#reader.push(chunk, this.#takeFrame);
      this.#streams.beginCalls();
    } catch (err) {
      if (!(err instanceof ConnectionError)) throw err;
      this.#fail(err);
      return;
    }
    if (this.#output.isOverfull) this.#socket.pause();
  }

  readonly #takeFrame = (frame: Frame): void => {
    try {
      this.#dispatch(frame);
    } catch (err) {
      if (!(err instanceof StreamError)) throw err;
      this.#streams.fail(err);
    }
  };

  #dispatch(frame: Frame): void {
    this.#headerBlocks.assertInOrder(frame);
    if (!this.#isGreeted && frame.type !== FrameType.SETTINGS) {
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'Connection does not begin with SETTINGS');
    }
    switch (frame.type) {
      case FrameType.DATA:
        return this.#streams.takeData(frame);
      case FrameType.HEADERS:
      case FrameType.CONTINUATION:
        return this.#takeHeaders(frame);
      case FrameType.PRIORITY:
        return this.#streams.takePriority(frame);
      case FrameType.RST_STREAM:
        return this.#streams.takeReset(frame);
      case FrameType.SETTINGS:
        return this.#takeSettings(frame);
      case FrameType.PUSH_PROMISE:
        throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'A client pushes nothing');
      case FrameType.PING:
        return this.#takePing(frame);
      case FrameType.GOAWAY:
        return this.#takeGoAway(frame);
      case FrameType.WINDOW_UPDATE:
        return this.#streams.takeWindowUpdate(frame);
      default:
        // What is not known is ignored (section 5.5).
        return this.#streams.countIdleFrame();
    }
  }

  #takeHeaders(frame: Frame): void {
    const headers = this.#headerBlocks.take(frame);
    if (headers === undefined) return;
    this.#pings.refill();
    this.#streams.takeHeaders(headers);
  }

  #takeSettings(frame: Frame): void {
    const settings = readSettings(frame);
    if (settings === undefined) return this.#takeSettingsAck();
    if (this.#isGreeted) this.#streams.countIdleFrame();
    this.#isGreeted = true;
    const { headerTableBytes, streamWindow } = settings;
    if (headerTableBytes !== undefined) this.#encoder.setPeerTableBytes(headerTableBytes);
    this.#output.settingsAck();
    if (streamWindow !== undefined) this.#streams.setWindow(streamWindow);
  }

  #takeSettingsAck(): void {
    if (this.#isHeard) return this.#streams.countIdleFrame();
    this.#isHeard = true;
    this.#streams.narrowWindows();
  }

  /** Section 6.7. */
  #takePing({ streamId, flags, bytes, start, end }: Frame): void {
    if (streamId !== 0) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'PING is for no stream');
    assertLength('PING', end - start, PING_BYTES);
    if ((flags & Flag.ACK) === 0) {
      // As grpc-go does (keepalive.EnforcementPolicy), but by rate: some clients measure bandwidth with pings.
      if (!this.#pings.take()) throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, 'too_many_pings');
      this.#output.pingAck(bytes, start);
      return;
    }
    this.#awaitsPong = false;
    if (bytes.readBigUInt64BE(start) === DRAIN_PING) this.#takeNoMore();
  }

  /** Section 6.8: the peer opens no more streams; it still takes the answers to those that it has. */
  #takeGoAway({ streamId, start, end }: Frame): void {
    if (streamId !== 0) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'GOAWAY is for no stream');
    if (end - start < GOAWAY_BYTES_MIN) throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, 'GOAWAY is too short');
    this.#streams.countIdleFrame();
  }

  #takeNoMore(): void {
    if (this.#drain !== 'announced' || this.#isEnding) return;
    this.#drain = 'final';
    this.#streams.takeNoMore();
    this.#output.goAway(this.#streams.lastId, ErrorCode.NO_ERROR);
    this.#hangUpIfDrained();
  }

  #hangUpIfDrained(): void {
    if (this.#drain === 'final' && this.#streams.isEmpty) this.#hangUp();
  }

  /** Section 5.4.1. */
  #fail({ code, message }: ConnectionError): void {
    this.#output.goAway(this.#streams.lastId, code, message);
    this.#hangUp();
    this.#streams.breakOff();
  }

  /** What is still read is thrown away: a socket that is closed before would take the last words back. */
  #hangUp(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#output.flush();
    this.#socket.end();
    this.#socket.resume();
    setTimeout(() => this.#socket.destroy(), FAREWELL_MS_MAX).unref();
  }

  #onDrain(): void {
    if (this.#isEnding) return;
    this.#sender.resume();
    if (this.#socket.isPaused() && !this.#output.isOverfull) this.#socket.resume();
  }
}
