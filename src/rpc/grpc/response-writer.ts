import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { IncomingCall } from '../call.js';
import type { CallMetadata } from '../metadata.js';
import type { StatusError } from '../status.js';
import { toFrame } from './frames.js';
import { OK_TRAILERS, writeMetadata, writeStatus } from './headers.js';
import { ACCEPTED_ENCODINGS } from './inflate.js';

/** How long a peer that does not read may keep the last bytes of a call that has ended. */
const STALLED_MS_MAX = 1000;

const HEADERS: OutgoingHttpHeaders = Object.freeze({
  ':status': 200,
  'content-type': 'application/grpc+proto',
  'grpc-accept-encoding': ACCEPTED_ENCODINGS,
});

// A date is for caches, and gRPC knows none. Node reads `sendDate`, though its types do not say so.
const WITH_TRAILERS = { waitForTrailers: true, sendDate: false };
const WITHOUT_BODY = { endStream: true, sendDate: false };

/** Writes the answer of one call. It ends once; what comes after that, or after the peer has gone, is dropped. */
export class ResponseWriter {
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

  /** Tells whether the end of the call has been written. */
  get hasEnded(): boolean {
    return this.#ended;
  }

  /** Answers with one message and OK. */
  succeedWith(message: Uint8Array): void {
    if (this.#isOver()) return;
    this.#ended = true;
    this.#open(OK_TRAILERS);
    this.#stream.end(toFrame(message));
  }

  /** Settles when the message has left for the peer, as its flow control allows, or when the stream has closed. */
  write(message: Uint8Array): Promise<void> {
    if (this.#isOver()) return Promise.resolve();
    return new Promise((resolve) => {
      if (!this.#stream.headersSent) this.#open(undefined);
      this.#stream.write(toFrame(message), () => resolve());
    });
  }

  /** Ends the call: well, or with a status. A peer that does not take the end in time is cut off. */
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
    this.#stream.respond({ ...HEADERS, ...writeMetadata(this.#metadata) }, WITH_TRAILERS);
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
  stream.respond({ ...HEADERS, ...status }, WITHOUT_BODY);
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
