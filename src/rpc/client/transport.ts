import type { CallMetadata } from '../metadata.js';

/** A call as a client hands it over. */
export interface OutgoingCall {
  /** The gRPC path: `/keelson.documents.v1.DocumentService/GetDocument`. */
  readonly path: string;
  readonly metadata: CallMetadata;
  /** How long the call may take, in milliseconds. Infinity for one that is meant to stay open. */
  readonly timeoutMs: number;
  /** Cancels the call when it aborts. */
  readonly signal: AbortSignal | undefined;
  /** Collects what the server sends before its answer, for whoever wants to know. */
  readonly responseMetadata?: CallMetadata | undefined;
  /** Collects what it sends after. */
  readonly responseTrailers?: CallMetadata | undefined;
}

/**
 * Carries calls to a server, as encoded messages. Calls fail with `CallError`, save where a source of requests throws:
 * then with what it threw. A test may put a transport of its own, or one that adds faults, under any client.
 */
export interface Transport {
  unary(call: OutgoingCall, request: Uint8Array): Promise<Uint8Array>;
  serverStream(call: OutgoingCall, request: Uint8Array): AsyncIterable<Uint8Array>;
  clientStream(call: OutgoingCall, requests: AsyncIterable<Uint8Array>): Promise<Uint8Array>;
  bidiStream(call: OutgoingCall, requests: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
  /** Ends what still runs, and releases what the transport holds. */
  close(): void;
}
