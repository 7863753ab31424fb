import type { IncomingCall } from '../rpc/call.js';
import type { IncomingHttpHeaders } from 'node:http';
import { ServiceError } from '../rpc/errors.js';
import { CallMetadata } from '../rpc/metadata.js';
import type { Method } from '../rpc/method-table.js';
import { takesStream } from './call-any-kind.js';
import type { CallDeps } from './call-deps.js';
import type { Exchange } from './exchange.js';
import { toRpcMetadata } from './http/rpc-metadata.js';
import { cutWhenStalled } from './http/stall.js';

/** A request at the path of a method, as the protocols of typed clients make them. */
export interface RpcRequest {
  readonly exchange: Exchange;
  readonly method: Method;
  readonly responseMetadata: CallMetadata;
  readonly responseTrailers: CallMetadata;
}

/**
 * Makes the call of such a request. What is wrong with its headers becomes the fault of the call, so that it fails, and is
 * logged, like any other.
 */
export function toRpcCall(
  { streamTimes }: CallDeps,
  { exchange, method, responseMetadata, responseTrailers }: RpcRequest,
  readTimeoutMs: (headers: IncomingHttpHeaders) => number | undefined,
): IncomingCall {
  const { headers } = exchange.request;
  if (takesStream(method)) exchange.arrival.readInParts();
  return {
    protocol: 'http',
    peer: exchange.peer,
    peerName: exchange.peerName,
    ...readHeaders(() => ({
      timeoutMs: readTimeoutMs(headers),
      metadata: toRpcMetadata(headers, exchange.requestId),
    })),
    signal: exchange.signal,
    responseMetadata,
    responseTrailers,
    onEnd: cutWhenStalled(exchange.response, streamTimes.stalledMaxMs),
  };
}

type FromHeaders = Pick<IncomingCall, 'timeoutMs' | 'metadata' | 'fault'>;

function readHeaders(read: () => FromHeaders): FromHeaders {
  try {
    return read();
  } catch (err) {
    if (!(err instanceof ServiceError)) throw err;
    return { timeoutMs: undefined, metadata: new CallMetadata(), fault: err };
  }
}
