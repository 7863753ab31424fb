import type { IncomingMessage, ServerResponse } from 'node:http';
import { CallerWatch, type CallerSignal } from '../rpc/caller-watch.js';
import { readPeerName } from '../rpc/peer-name.js';
import { BodyArrival } from './http/body-arrival.js';
import type { SessionTokens } from './http/session-cookie.js';
import { splitTarget, type RequestTarget } from './routes/request-target.js';

/** One HTTP request on its way through the gateway. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Undefined when the request target is no path. */
  readonly target: RequestTarget | undefined;
  readonly requestId: string;
  /** The time in which its body has to arrive. */
  readonly arrival: BodyArrival;
  /** Aborts when the client has gone before its answer was written. */
  readonly signal: CallerSignal;
  /** The client's address and port. */
  readonly peer: string;
  /** The URI name in a certificate that the listener has verified. */
  readonly peerName: string | undefined;
  readonly startMs: number;
  /** The session of the browser, where its page asks to be recognised by it. */
  session?: SessionTokens | undefined;
}

/** What is known of a request before it is looked at. */
export interface ExchangeOptions {
  readonly requestId: string;
  /** How long its body may take to arrive. */
  readonly bodyTimeoutMs: number;
}

/** Opens the exchange of a request. Throws where its connection has been destroyed, for then nothing is known of its client. */
export function openExchange(
  request: IncomingMessage,
  response: ServerResponse,
  { requestId, bodyTimeoutMs }: ExchangeOptions,
): Exchange {
  const signal = new CallerWatch();
  // The event also follows a normal end, when everything has been written.
  response.on('close', () => {
    if (!response.writableFinished) signal.abort();
  });
  return {
    request,
    response,
    target: splitTarget(request.url ?? ''),
    requestId,
    arrival: new BodyArrival(request, response, bodyTimeoutMs),
    signal,
    peer: `${request.socket.remoteAddress ?? ''}:${request.socket.remotePort ?? ''}`,
    peerName: readPeerName(request.socket),
    startMs: performance.now(),
    session: undefined,
  };
}
