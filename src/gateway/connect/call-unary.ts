import type { HttpAnswer } from '../answer.js';
import type { CallDeps } from '../call-deps.js';
import { cachingHeaders } from '../http/cache-control.js';
import { HttpFailure } from '../http/http-failure.js';
import { toRpcHeaders } from '../http/rpc-metadata.js';
import { logRefusal } from '../request-log.js';
import { toRpcCall, type RpcRequest } from '../rpc-request.js';
import { openUnaryRequest } from './read-request.js';
import { renderConnectError } from './render-error.js';
import { readConnectTimeoutMs } from './timeout.js';

/** A whole answer has no place behind it. */
const TRAILER_PREFIX = 'trailer-';

/**
 * Does a unary call of the Connect protocol (https://connectrpc.com/docs/protocol), by POST or, where the contract says
 * that the call changes nothing, by GET. Throws only what is no request of that protocol.
 */
export async function callConnectUnary(deps: CallDeps, connect: RpcRequest): Promise<HttpAnswer> {
  const { exchange, method, responseMetadata, responseTrailers } = connect;
  const { headers } = exchange.request;
  try {
    const opened = openUnaryRequest(deps, connect);
    const incoming = toRpcCall(deps, connect, readConnectTimeoutMs);
    const bytes = await deps.dispatcher.unary(method, incoming, () => opened.read());
    const body = opened.codec.encode(method.descriptor.output, bytes);
    const metadata = { ...toRpcHeaders(responseMetadata), ...toRpcHeaders(responseTrailers, TRAILER_PREFIX) };
    // A GET is asked for to be kept.
    const caching = exchange.request.method === 'GET' ? cachingHeaders(method.policy, { isVersioned: false }) : {};
    return { status: 200, headers: { 'content-type': opened.codec.contentType, ...caching, ...metadata }, body };
  } catch (err) {
    if (err instanceof HttpFailure && err.httpStatus === 415) throw err;
    logRefusal(deps.log, exchange, err);
    const failure: unknown = err instanceof HttpFailure ? err.failure : err;
    const rendered = renderConnectError(failure, {
      registry: deps.registry,
      requestId: exchange.requestId,
      hasToken: /^bearer /i.test(headers.authorization ?? ''),
    });
    const metadata = { ...toRpcHeaders(responseMetadata), ...toRpcHeaders(responseTrailers, TRAILER_PREFIX) };
    return { ...rendered, headers: { ...metadata, ...rendered.headers } };
  }
}
