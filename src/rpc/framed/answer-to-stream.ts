import type { OutgoingHttpHeaders } from 'node:http2';
import type { AnswerWriter, CallStream } from '../grpc/call-stream.js';
import { OK_TRAILERS, RESPONSE_HEADERS, writeMetadata, writeStatus } from '../grpc/headers.js';
import type { CallMetadata } from '../metadata.js';
import type { StatusError } from '../status.js';
import type { FramedStream } from './framed-stream.js';
import { ErrorCode } from './protocol.js';

/** How long a peer that does not read may keep the last bytes of a call that has failed. */
const STALLED_MS_MAX = 1000;

/** A stream that never waits for its peer, nor for anything else, lets others have their turn after so many messages. */
const MESSAGES_IN_TURN_MAX = 32;

/** Writes the answer of one call to a stream of ours. */
export class AnswerToStream implements AnswerWriter {
  hasEnded = false;
  readonly #stream: FramedStream;
  readonly #metadata: CallMetadata;
  readonly #trailerMetadata: CallMetadata | undefined;
  #isOpen = false;
  #writtenInTurn = 0;

  constructor(stream: FramedStream, { responseMetadata, responseTrailers }: Parameters<CallStream['answer']>[0]) {
    this.#stream = stream;
    this.#metadata = responseMetadata;
    this.#trailerMetadata = responseTrailers;
  }

  succeedWith(message: Uint8Array): void {
    if (this.#isOver()) return;
    this.hasEnded = true;
    this.#open();
    void this.#stream.send(message);
    this.#stream.end(this.#withTrailers(OK_TRAILERS));
  }

  write(message: Uint8Array): Promise<void> | undefined {
    if (this.#isOver()) return undefined;
    this.#open();
    const sent = this.#stream.send(message);
    this.#writtenInTurn += 1;
    if (sent === undefined && this.#writtenInTurn < MESSAGES_IN_TURN_MAX) return undefined;
    this.#writtenInTurn = 0;
    return sent ?? new Promise((resolve) => void setImmediate(resolve));
  }

  end(status: StatusError | undefined): void {
    if (this.#isOver()) return;
    this.hasEnded = true;
    const trailers = this.#withTrailers(status === undefined ? OK_TRAILERS : writeStatus(status));
    if (status !== undefined && !this.#isOpen && !this.#hasTrailers()) {
      // A failure without an answer, and without trailers of its own, is one header block.
      this.#stream.endWithStatus({ ...writeMetadata(this.#metadata), ...trailers });
      return;
    }
    this.#open();
    this.#stream.end(trailers);
    if (status !== undefined && !this.#stream.isClosed) this.#cutOffIfStalled(status);
  }

  #isOver(): boolean {
    return this.hasEnded || this.#stream.isClosed;
  }

  #open(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.#stream.open(RESPONSE_HEADERS, { isEnd: false, metadata: this.#metadata });
  }

  #hasTrailers(): boolean {
    return this.#trailerMetadata?.isEmpty === false;
  }

  /** A call that says nothing behind its answer, as nearly all do, costs nothing here. */
  #withTrailers(status: OutgoingHttpHeaders): OutgoingHttpHeaders {
    if (this.#trailerMetadata === undefined || this.#trailerMetadata.isEmpty) return status;
    return { ...writeMetadata(this.#trailerMetadata), ...status };
  }

  #cutOffIfStalled({ codeName }: StatusError): void {
    const code = codeName === 'UNAVAILABLE' ? ErrorCode.REFUSED_STREAM : ErrorCode.CANCEL;
    setTimeout(() => this.#stream.cut(code), STALLED_MS_MAX).unref();
  }
}
