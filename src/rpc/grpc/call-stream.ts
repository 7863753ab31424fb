import type { OutgoingHttpHeaders } from 'node:http2';
import type { IncomingCall } from '../call.js';
import type { CallMetadata } from '../metadata.js';
import type { StatusError } from '../status.js';

/** Who is at the other end of a connection. */
export interface Peer {
  /** Its address, for the log: `127.0.0.1:40312`. */
  readonly peer: string;
  /**
   * The URI name in the certificate of a client that the server has verified, such as `spiffe://example.org/orders`.
   * Undefined where there is none, or more than one, which SPIFFE forbids.
   */
  readonly peerName: string | undefined;
}

/** The headers of a request. Names are in lower case, those that begin with a colon among them. */
export interface RequestHeaders {
  /** Counted as HTTP/2 does for its own limit: 32 bytes beside each name and value. */
  readonly bytes: number;
  /** Gives the first value of a name. */
  get(name: string): string | undefined;
  /** Gives every value in turn. */
  forEach(visit: (name: string, value: string) => void): void;
}

/** Takes what a peer sends, as it comes. After end() or breakOff() nothing more does. */
export interface PieceReader {
  piece(bytes: Buffer): void;
  /** All has come. */
  end(): void;
  /** The peer has gone, or the stream was cut, before all had come. */
  breakOff(): void;
}

/** The body of a request. It has one reader: read(), or pieces(). */
export interface RequestBody {
  /** The whole of it, where it arrived as one piece before anybody asked. It may then be left unread. */
  readonly whole: Buffer | undefined;
  readonly isBrokenOff: boolean;
  /** Hands over the body as fast as it comes. */
  read(reader: PieceReader): void;
  /** Gives the body as it is asked for: flow control holds the peer meanwhile. Ends early where the peer breaks off. */
  pieces(): AsyncIterable<Buffer>;
}

/** Writes the answer of one call. It ends once; what comes after that, or after the peer has gone, is dropped. */
export interface AnswerWriter {
  /** Tells whether the end of the call has been written. */
  readonly hasEnded: boolean;
  /** Answers with one message and OK. */
  succeedWith(message: Uint8Array): void;
  /**
   * Settles when the message has left for the peer, as its flow control allows, or when the stream has closed. Undefined
   * where nothing has to be waited for.
   */
  write(message: Uint8Array): Promise<void> | undefined;
  /** Ends the call: well, or with a status. A peer that does not take the end in time is cut off. */
  end(status: StatusError | undefined): void;
}

/** One stream of HTTP/2, as much of it as a call of gRPC needs. */
export interface CallStream {
  readonly headers: RequestHeaders;
  readonly peer: Peer;
  readonly body: RequestBody;
  /** Calls back once when both sides are through with the stream, or one has cut it. */
  onClose(listener: () => void): void;
  /** Answers what is not gRPC. */
  refuse(httpStatus: number): void;
  /** Answers with a status, as headers, and nothing else. */
  endWithStatus(status: OutgoingHttpHeaders): void;
  answer(metadata: Pick<IncomingCall, 'responseTrailers'> & { readonly responseMetadata: CallMetadata }): AnswerWriter;
}
