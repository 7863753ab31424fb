import type { Awaitable } from '../async/awaitable.js';
import type { CallerSignal } from './caller-watch.js';
import type { ServiceError } from './errors.js';
import type { CallMetadata } from './metadata.js';
import type { Method } from './method-table.js';
import type { StatusError } from './status.js';

/** A call as a transport hands it over. Bodies are encoded messages; the transport never looks into them. */
export interface IncomingCall {
  readonly protocol: 'grpc' | 'http' | 'in-process';
  /** The address of the caller, for the log: `127.0.0.1:40312`. */
  readonly peer: string;
  /** The URI name in a certificate that the transport has verified. */
  readonly peerName?: string | undefined;
  readonly metadata: CallMetadata;
  /** The time that the caller gives the call, in milliseconds. Undefined when it names none. */
  readonly timeoutMs: number | undefined;
  /** What the transport found wrong with the call before it began: the call fails with it. */
  readonly fault?: ServiceError;
  /** Aborts when the caller has gone. */
  readonly signal: CallerSignal;
  /** What a handler or the pipeline adds here goes back to the caller, with the answer or with the error. */
  readonly responseMetadata: CallMetadata;
  /** What goes back after the answer. Undefined where a transport has no place for it: then nothing does. */
  readonly responseTrailers?: CallMetadata;
  /**
   * Called once when the call has ended, however it did; undefined for a good end. It may come while a stream's reader
   * is stalled: the transport then stops writing, answers with the status, and stops iterating.
   */
  readonly onEnd?: (status: StatusError | undefined) => void;
}

/**
 * The one call path. Every transport calls it with the bytes of a request and gets the bytes of the answer.
 * A call that fails throws a StatusError and nothing else.
 */
export interface Dispatcher {
  /**
   * Gives the answer of a call that is turned away now, because there is too much to do. Each call is asked about when it
   * begins; a transport may ask before it has read anything of it, where that spares it work.
   */
  refuse(method: Method): StatusError | undefined;
  unary(method: Method, call: IncomingCall, request: Uint8Array): Promise<Uint8Array>;
  serverStream(method: Method, call: IncomingCall, request: Uint8Array): AsyncIterable<Uint8Array>;
  clientStream(method: Method, call: IncomingCall, requests: AsyncIterable<Uint8Array>): Promise<Uint8Array>;
  bidiStream(method: Method, call: IncomingCall, requests: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
}

/** An encoded message, or how to get it: that is asked for once the call is admitted, and may fail with a ServiceError. */
export type Request = Uint8Array | (() => Awaitable<Uint8Array>);

/** Also takes requests that have not arrived yet, so that a call is watched over from its first byte. */
export interface LazyDispatcher extends Dispatcher {
  unary(method: Method, call: IncomingCall, request: Request): Promise<Uint8Array>;
  serverStream(method: Method, call: IncomingCall, request: Request): AsyncIterable<Uint8Array>;
}
