import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { IncomingCall } from '../call.js';
import type { CallMetadata } from '../metadata.js';
import type { StatusError } from '../status.js';
import type { AnswerWriter } from './call-stream.js';
import { toFrame } from './frames.js';
import { OK_TRAILERS, RESPONSE_HEADERS, writeMetadata, writeStatus } from './headers.js';

/** How long a peer that does not read may keep the last bytes of a call that has ended. */
const STALLED_MS_MAX = 1000;

// A date is for caches, and gRPC knows none. Node reads `sendDate`, though its types do not say so.
const WITH_TRAILERS = { waitForTrailers: true, sendDate: false };
const WITHOUT_BODY = { endStream: true, sendDate: false };

/** Writes the answer of one call to a stream of Node's. */
export class ResponseWriter implements AnswerWriter {
  readonly #stream: ServerHttp2Stream;
  readonly #metadata: CallMetadata;
  readonly #trailerMetadata: CallMetadata | undefined;
  #status: OutgoingHttpHeaders = OK_TRAILERS;
  #ended = false;

  constructor(
    stream: ServerHttp2Stream,
    { responseMetadata, responseTrailers }: Pick<IncomingCall, 'responseMetadata' | 'responseTrailers'>,
  ) {
    this.#stream = stream;
    this.#metadata = responseMetadata;
    this.#trailerMetadata = responseTrailers;
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  succeedWith(message: Uint8Array): void {
    if (this.#isOver()) return;
    this.#ended = true;
    this.#open(OK_TRAILERS);
    this.#stream.end(toFrame(message));
  }

  write(message: Uint8Array): Promise<void> | undefined {
    if (this.#isOver()) return undefined;
    return new Promise((resolve) => {
      if (!this.#stream.headersSent) this.#open(undefined);
      this.#stream.write(toFrame(message), () => resolve());
    });
  }

  end(status: StatusError | undefined): void {
    if (this.#isOver()) return;
    this.#ended = true;
    const trailers = status === undefined ? OK_TRAILERS : writeStatus(status);
    if (this.#stream.headersSent) this.#status = trailers;
    else if (status === undefined || this.#hasTrailers()) this.#open(trailers);
    else return this.#endAtOnce(trailers);
    this.#stream.end();
    if (status !== undefined) this.#cutOffIfStalled(status);
  }

  #isOver(): boolean {
    return this.#ended || this.#stream.destroyed || this.#stream.closed;
  }

  #open(trailers: OutgoingHttpHeaders | undefined): void {
    if (trailers !== undefined) this.#status = trailers;
    this.#stream.respond(writeMetadata(this.#metadata, RESPONSE_HEADERS), WITH_TRAILERS);
    this.#stream.once('wantTrailers', () => {
      this.#stream.sendTrailers(this.#withTrailers(this.#status));
      stopRequests(this.#stream);
    });
  }

  /** A call that says nothing behind its answer, as nearly all do, costs nothing here. */
  #withTrailers(status: OutgoingHttpHeaders): OutgoingHttpHeaders {
    if (this.#trailerMetadata === undefined || this.#trailerMetadata.isEmpty) return status;
    return { ...writeMetadata(this.#trailerMetadata), ...status };
  }

  #hasTrailers(): boolean {
    return this.#trailerMetadata?.isEmpty === false;
  }

  /** A failure without an answer, and without trailers of its own. */
  #endAtOnce(trailers: OutgoingHttpHeaders): void {
    endWithStatus(this.#stream, { ...writeMetadata(this.#metadata), ...trailers });
  }

  #cutOffIfStalled({ codeName }: StatusError): void {
    const code = codeName === 'UNAVAILABLE' ? constants.NGHTTP2_REFUSED_STREAM : constants.NGHTTP2_CANCEL;
    const timer = setTimeout(() => this.#stream.close(code), STALLED_MS_MAX);
    this.#stream.once('close', () => clearTimeout(timer));
  }
}

/** Ends a call that has no answer: with one header block. */
export function endWithStatus(stream: ServerHttp2Stream, status: OutgoingHttpHeaders): void {
  stream.respond({ ...RESPONSE_HEADERS, ...status }, WITHOUT_BODY);
  stopRequests(stream);
}

/** Tells a peer that still sends to stop: the stream would stay open, and count, until it did so by itself. */
function stopRequests(stream: ServerHttp2Stream): void {
  if (stream.readableEnded) return;
  stream.resume();
  setImmediate(() => {
    if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
  });
}
