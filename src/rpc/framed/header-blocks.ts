import type { Frame } from './frame-reader.js';
import { HpackDecoder, HpackError, type HeaderList } from './hpack/decoder.js';
import { withoutPadding } from './padding.js';
import {
  ConnectionError,
  ErrorCode,
  Flag,
  FRAME_BYTES_MAX,
  FrameType,
  STREAM_ID_MAX,
  StreamError,
} from './protocol.js';

/** How many frames more than a list of the allowed size needs a block may be cut into: each may be empty. */
const CONTINUATIONS_FREE = 8;
const PRIORITY_BYTES = 5;

/** A list of headers, and the stream that it is for. */
export interface StreamHeaders {
  readonly streamId: number;
  readonly list: HeaderList;
  readonly isEnd: boolean;
  /** What is wrong with its stream, which is told once the block has been decoded. */
  readonly fault: StreamError | undefined;
}

interface OpenBlock {
  readonly streamId: number;
  readonly isEnd: boolean;
  readonly fault: StreamError | undefined;
  readonly parts: Buffer[];
  readonly sinceMs: number;
}

/** Puts header blocks together from HEADERS and CONTINUATION frames (RFC 9113, sections 4.3, 6.2 and 6.10). */
export class HeaderBlocks {
  readonly #decoder: HpackDecoder;
  readonly #framesMax: number;
  #open: OpenBlock | undefined;

  constructor(listBytesMax: number) {
    this.#decoder = new HpackDecoder(listBytesMax);
    this.#framesMax = Math.ceil(listBytesMax / FRAME_BYTES_MAX) + CONTINUATIONS_FREE;
  }

  /** When a block began that has not ended, in milliseconds of the process. */
  get openSinceMs(): number | undefined {
    return this.#open?.sinceMs;
  }

  /** Takes HEADERS or CONTINUATION, and gives the headers where they end with it. Throws {@link ConnectionError}. */
  take(frame: Frame): StreamHeaders | undefined {
    return frame.type === FrameType.HEADERS ? this.#begin(frame) : this.#continue(frame);
  }

  /** Throws {@link ConnectionError} unless the frame may come now: nothing may come between the frames of a block. */
  assertInOrder({ type, streamId }: Frame): void {
    const continues = type === FrameType.CONTINUATION;
    if (this.#open === undefined ? !continues : continues && streamId === this.#open.streamId) return;
    throw new ConnectionError(
      ErrorCode.PROTOCOL_ERROR,
      'Frame comes between those of a header block, or continues none',
    );
  }

  #begin(frame: Frame): StreamHeaders | undefined {
    const { streamId, flags } = frame;
    // Clients open streams with odd numbers (section 5.1.1).
    if (streamId % 2 === 0) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'HEADERS are for a stream of a client');
    const { fragment, dependsOn } = readHeaders(frame);
    const open: OpenBlock = {
      streamId,
      isEnd: (flags & Flag.END_STREAM) !== 0,
      fault: dependsOn === streamId ? dependsOnItself(streamId) : undefined,
      parts: [fragment],
      sinceMs: 0,
    };
    if ((flags & Flag.END_HEADERS) !== 0) return this.#decode(open);
    this.#open = { ...open, sinceMs: performance.now() };
    return undefined;
  }

  #continue({ bytes, start, end, flags }: Frame): StreamHeaders | undefined {
    const open = this.#open;
    if (open === undefined) return undefined;
    open.parts.push(bytes.subarray(start, end));
    if (open.parts.length > this.#framesMax) {
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, 'Header block has too many frames');
    }
    if ((flags & Flag.END_HEADERS) === 0) return undefined;
    this.#open = undefined;
    return this.#decode(open);
  }

  #decode({ parts, streamId, isEnd, fault }: OpenBlock): StreamHeaders {
    const [first = NOTHING] = parts;
    try {
      const list = this.#decoder.decode(parts.length === 1 ? first : Buffer.concat(parts));
      return { streamId, list, isEnd, fault };
    } catch (err) {
      if (!(err instanceof HpackError)) throw err;
      throw new ConnectionError(ErrorCode.COMPRESSION_ERROR, err.message);
    }
  }
}

const NOTHING = Buffer.alloc(0);

/** The priority of a stream is read and ignored, but for what RFC 7540 forbade (section 5.3.1). */
export function dependsOnItself(streamId: number): StreamError {
  return new StreamError(streamId, ErrorCode.PROTOCOL_ERROR, 'Stream depends on itself');
}

function readHeaders(frame: Frame): { fragment: Buffer; dependsOn: number | undefined } {
  const { start, end } = withoutPadding(frame);
  const hasPriority = (frame.flags & Flag.PRIORITY) !== 0;
  if (!hasPriority) return { fragment: frame.bytes.subarray(start, end), dependsOn: undefined };
  if (end - start < PRIORITY_BYTES) {
    throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, 'HEADERS have no room for their priority');
  }
  const dependsOn = frame.bytes.readUInt32BE(start) & STREAM_ID_MAX;
  return { fragment: frame.bytes.subarray(start + PRIORITY_BYTES, end), dependsOn };
}
