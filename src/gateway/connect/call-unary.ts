import type { HttpAnswer } from '../answer.js';
import type { CallDeps } from '../call-deps.js';
import { HttpFailure } from '../http/http-failure.js';
import { toRpcHeaders, toRpcMetadata } from '../http/rpc-metadata.js';
import { logRefusal } from '../request-log.js';
import type { RpcRequest } from '../rpc-request.js';
import { readUnaryRequest } from './read-request.js';
import { renderConnectError } from './render-error.js';
import { readConnectTimeoutMs } from './timeout.js';

/**
 * Does a unary call of the Connect protocol (https://connectrpc.com/docs/protocol), by POST or, where the contract says
 * that the call changes nothing, by GET. Throws only what is no request of that protocol.
 */
export async function callConnectUnary(deps: CallDeps, connect: RpcRequest): Promise<HttpAnswer> {
  const { exchange, method, responseMetadata } = connect;
  const { headers } = exchange.request;
  try {
    const { codec, request } = await readUnaryRequest(deps, connect);
    const incoming = {
      protocol: 'http' as const,
      peer: exchange.peer,
      peerName: exchange.peerName,
      metadata: toRpcMetadata(headers, exchange.requestId),
      timeoutMs: readConnectTimeoutMs(headers),
      signal: exchange.signal,
      responseMetadata,
    };
    const bytes = await deps.dispatcher.unary(method, incoming, request);
    const body = codec.encode(method.descriptor.output, bytes);
    return { status: 200, headers: { 'content-type': codec.contentType, ...toRpcHeaders(responseMetadata) }, body };
  } catch (err) {
    if (err instanceof HttpFailure && err.httpStatus === 415) throw err;
    logRefusal(deps.log, exchange, err);
    const failure: unknown = err instanceof HttpFailure ? err.failure : err;
    const rendered = renderConnectError(failure, {
      registry: deps.registry,
      requestId: exchange.requestId,
      hasToken: /^bearer /i.test(headers.authorization ?? ''),
    });
    return { ...rendered, headers: { ...toRpcHeaders(responseMetadata), ...rendered.headers } };
  }
}
