import { Readable } from 'node:stream';
import type { IncomingCall } from '../../rpc/call.js';
import { toStatusError, type StatusError } from '../../rpc/status.js';
import type { HttpAnswer } from '../answer.js';
import type { CallDeps } from '../call-deps.js';
import { FRAME_HEAD_BYTES, messageFrame, readSingleMessage } from '../http/frames.js';
import { HttpFailure } from '../http/http-failure.js';
import { readBody } from '../http/read-body.js';
import { toRpcHeaders, toRpcMetadata } from '../http/rpc-metadata.js';
import { cutWhenStalled } from '../http/stall.js';
import { readTimeoutMs } from '../http/timeout.js';
import { logRefusal } from '../request-log.js';
import type { RpcRequest } from '../rpc-request.js';
import { isText } from './content-type.js';
import { decodeText } from './text.js';
import { trailerFrame } from './trailers.js';

const BASE64_BYTES_PER_CHAR = 3 / 4;

/**
 * Does a call of gRPC-Web (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md), unary or with a stream of
 * answers, in binary or as text. The status is in the body, as the protocol has it, and the HTTP status is always 200.
 */
export async function callGrpcWeb(deps: CallDeps, rpc: RpcRequest): Promise<HttpAnswer> {
  const { exchange, method, responseMetadata } = rpc;
  const asText = isText(exchange.request.headers);
  const write = (frame: Buffer): string | Buffer => (asText ? frame.toString('base64') : frame);
  const answer = (body: HttpAnswer['body']): HttpAnswer => ({
    status: 200,
    headers: { ...toRpcHeaders(responseMetadata), 'content-type': contentType(rpc), 'x-accel-buffering': 'no' },
    body,
  });
  try {
    const request = await readRequest(deps, rpc);
    const call = toIncomingCall(deps, rpc);
    if (method.descriptor.methodKind === 'unary') {
      const message = await deps.dispatcher.unary(method, call, request);
      return answer(write(Buffer.concat([messageFrame(message), trailerFrame(undefined)])));
    }
    const frames = encodeStream(deps, rpc, deps.dispatcher.serverStream(method, call, request));
    return answer(Readable.from(mapEach(frames, write), { highWaterMark: 1 }));
  } catch (err) {
    return answer(write(trailerFrame(toStatus(deps, rpc, err))));
  }
}

function contentType({ exchange }: RpcRequest): string {
  return isText(exchange.request.headers) ? 'application/grpc-web-text+proto' : 'application/grpc-web+proto';
}

async function readRequest({ bodyBytesMax }: CallDeps, { exchange }: RpcRequest): Promise<Buffer> {
  const { request } = exchange;
  const frameBytesMax = bodyBytesMax + FRAME_HEAD_BYTES;
  if (!isText(request.headers)) return readSingleMessage(await readBody(request, frameBytesMax));
  return readSingleMessage(decodeText(await readBody(request, Math.ceil(frameBytesMax / BASE64_BYTES_PER_CHAR))));
}

function toIncomingCall({ streamTimes }: CallDeps, { exchange, responseMetadata }: RpcRequest): IncomingCall {
  const { headers } = exchange.request;
  return {
    protocol: 'http',
    peer: exchange.peer,
    peerName: exchange.peerName,
    metadata: toRpcMetadata(headers, exchange.requestId),
    timeoutMs: readTimeoutMs(headers),
    signal: exchange.signal,
    responseMetadata,
    onEnd: cutWhenStalled(exchange.response, streamTimes.stalledMaxMs),
  };
}

async function* encodeStream(
  deps: CallDeps,
  rpc: RpcRequest,
  messages: AsyncIterable<Uint8Array>,
): AsyncGenerator<Buffer> {
  try {
    rpc.exchange.response.flushHeaders();
    for await (const message of messages) yield messageFrame(message);
    yield trailerFrame(undefined);
  } catch (err) {
    yield trailerFrame(toStatus(deps, rpc, err));
  }
}

async function* mapEach<T, U>(source: AsyncIterable<T>, map: (item: T) => U): AsyncGenerator<U> {
  for await (const item of source) yield map(item);
}

function toStatus({ log }: CallDeps, { exchange }: RpcRequest, err: unknown): StatusError {
  logRefusal(log, exchange, err);
  return toStatusError(err instanceof HttpFailure ? err.failure : err, exchange.requestId);
}
