import { Readable } from 'node:stream';
import { toStatusError } from '../../rpc/status.js';
import type { HttpAnswer } from '../answer.js';
import type { CallDeps } from '../call-deps.js';
import { frame, FRAME_HEAD_BYTES, messageFrame, readSingleMessage } from '../http/frames.js';
import { HttpFailure } from '../http/http-failure.js';
import { readBody } from '../http/read-body.js';
import { toRpcHeaders, toRpcMetadata } from '../http/rpc-metadata.js';
import { cutWhenStalled } from '../http/stall.js';
import { logRefusal } from '../request-log.js';
import type { RpcRequest } from '../rpc-request.js';
import type { Codec } from './codec.js';
import { checkVersion, streamCodecOf } from './read-request.js';
import { connectErrorJson } from './render-error.js';
import { readConnectTimeoutMs } from './timeout.js';

const END = 0x02;

/**
 * Does a call of the Connect protocol that answers with a stream. The HTTP status is always 200, as the protocol has it:
 * how the call ended is in the last frame. Throws only what is no request of that protocol.
 */
export async function callConnectStream(deps: CallDeps, rpc: RpcRequest): Promise<HttpAnswer> {
  const codec = streamCodecOf(deps.registry, rpc);
  const headers = { ...toRpcHeaders(rpc.responseMetadata), 'content-type': `application/connect+${codec.name}` };
  try {
    const messages = await start(deps, rpc, codec);
    return { status: 200, headers, body: Readable.from(encode(deps, { rpc, codec, messages }), { highWaterMark: 1 }) };
  } catch (err) {
    return { status: 200, headers, body: failureFrame(deps, rpc, err) };
  }
}

async function start(deps: CallDeps, rpc: RpcRequest, codec: Codec): Promise<AsyncIterable<Uint8Array>> {
  const { exchange, method, responseMetadata } = rpc;
  const { headers } = exchange.request;
  checkVersion(headers['connect-protocol-version']);
  const body = readSingleMessage(await readBody(exchange.request, deps.bodyBytesMax + FRAME_HEAD_BYTES));
  const call = {
    protocol: 'http' as const,
    peer: exchange.peer,
    peerName: exchange.peerName,
    metadata: toRpcMetadata(headers, exchange.requestId),
    timeoutMs: readConnectTimeoutMs(headers),
    signal: exchange.signal,
    responseMetadata,
    onEnd: cutWhenStalled(exchange.response, deps.streamTimes.stalledMaxMs),
  };
  return deps.dispatcher.serverStream(method, call, codec.decode(method.descriptor.input, body));
}

interface RunningStream {
  readonly rpc: RpcRequest;
  readonly codec: Codec;
  readonly messages: AsyncIterable<Uint8Array>;
}

async function* encode(deps: CallDeps, { rpc, codec, messages }: RunningStream): AsyncGenerator<Buffer> {
  try {
    rpc.exchange.response.flushHeaders();
    const { output } = rpc.method.descriptor;
    for await (const message of messages) yield messageFrame(Buffer.from(codec.encode(output, message)));
    yield frame(END, Buffer.from('{}'));
  } catch (err) {
    yield failureFrame(deps, rpc, err);
  }
}

function failureFrame({ log }: CallDeps, { exchange }: RpcRequest, err: unknown): Buffer {
  logRefusal(log, exchange, err);
  const status = toStatusError(err instanceof HttpFailure ? err.failure : err, exchange.requestId);
  return frame(END, Buffer.from(JSON.stringify({ error: connectErrorJson(status) })));
}
