import { invalidRequest } from '../../rpc/errors.js';
import type { HttpAnswer } from '../answer.js';
import { callAnyKind } from '../call-any-kind.js';
import type { CallDeps } from '../call-deps.js';
import { bodyChunks } from '../http/body-chunks.js';
import { readFrames } from '../http/frames.js';
import {
  checkEncoding,
  chooseMessageEncoding,
  MESSAGE_ENCODINGS,
  messageFrame,
  messageOf,
} from '../http/message-compression.js';
import { toRpcHeaders } from '../http/rpc-metadata.js';
import { readTimeoutMs } from '../http/timeout.js';
import { toRpcCall, type RpcRequest } from '../rpc-request.js';
import { openRpcStream } from '../rpc-stream.js';
import { createJsonCodec, PROTO, type Codec } from '../connect/codec.js';
import { isJson, isText } from './content-type.js';
import { decodeText } from './text.js';
import { trailerFrame } from './trailers.js';

/**
 * Does a call of gRPC-Web (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md) of any kind, in binary or as
 * text. The status is in the body, as the protocol has it, and the HTTP status is always 200.
 */
export async function callGrpcWeb(deps: CallDeps, rpc: RpcRequest): Promise<HttpAnswer> {
  const { headers: asked } = rpc.exchange.request;
  const asText = isText(asked);
  const write = (bytes: Buffer): string | Buffer => (asText ? bytes.toString('base64') : bytes);
  const encoding = chooseMessageEncoding(asked['grpc-accept-encoding']);
  const codec = isJson(asked) ? createJsonCodec(deps.registry) : PROTO;
  const { output } = rpc.method.descriptor;
  const body = await openRpcStream(deps, rpc, {
    answers: startCall(deps, rpc, codec),
    form: {
      message: async (message) => write(await messageFrame(Buffer.from(codec.encode(output, message)), encoding)),
      end: (status) => write(trailerFrame(status, rpc.responseTrailers)),
    },
  });
  const headers = {
    ...toRpcHeaders(rpc.responseMetadata),
    'content-type': `application/grpc-web${asText ? '-text' : ''}+${codec.name}`,
    'grpc-accept-encoding': ['identity', ...MESSAGE_ENCODINGS].join(','),
    ...(encoding && { 'grpc-encoding': encoding }),
    'x-accel-buffering': 'no',
  };
  return { status: 200, headers, body };
}

function startCall(deps: CallDeps, rpc: RpcRequest, codec: Codec): AsyncIterable<Uint8Array> {
  const { exchange, method } = rpc;
  const given = exchange.request.headers['grpc-encoding'];
  const encoding = typeof given === 'string' ? given : undefined;
  const call = toRpcCall(deps, rpc, (headers) => {
    checkEncoding(encoding);
    return readTimeoutMs(headers);
  });
  return callAnyKind(deps.dispatcher, { method, call, requests: readRequests(deps, rpc, { codec, encoding }) });
}

async function* readRequests(
  { bodyBytesMax }: CallDeps,
  { exchange, method }: RpcRequest,
  { codec, encoding }: { readonly codec: Codec; readonly encoding: string | undefined },
): AsyncGenerator<Uint8Array> {
  const chunks = bodyChunks(exchange);
  const body = isText(exchange.request.headers) ? decodeText(chunks) : chunks;
  for await (const received of readFrames(body, bodyBytesMax)) {
    if (received.flags > 1) throw invalidRequest([{ field: '', description: 'Body holds a frame of an unknown kind' }]);
    yield codec.decode(method.descriptor.input, await messageOf(received, encoding, bodyBytesMax));
  }
}
