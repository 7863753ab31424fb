import type { HttpAnswer } from '../answer.js';
import { callAnyKind } from '../call-any-kind.js';
import type { CallDeps } from '../call-deps.js';
import { bodyChunks } from '../http/body-chunks.js';
import { frame, readFrames } from '../http/frames.js';
import { invalidRequest } from '../../rpc/errors.js';
import {
  checkEncoding,
  chooseMessageEncoding,
  MESSAGE_ENCODINGS,
  messageFrame,
  messageOf,
} from '../http/message-compression.js';
import { toRpcHeaders, toTrailerValues } from '../http/rpc-metadata.js';
import { toRpcCall, type RpcRequest } from '../rpc-request.js';
import { openRpcStream } from '../rpc-stream.js';
import type { Codec } from './codec.js';
import { checkVersion, streamCodecOf } from './read-request.js';
import { connectErrorJson } from './render-error.js';
import { readConnectTimeoutMs } from './timeout.js';

const END = 0x02;

/**
 * Does a call of the Connect protocol that streams requests, answers or both. The HTTP status is always 200, as the
 * protocol has it: how the call ended is in the last frame. Throws only what is no request of that protocol.
 */
export async function callConnectStream(deps: CallDeps, rpc: RpcRequest): Promise<HttpAnswer> {
  const codec = streamCodecOf(deps.registry, rpc);
  const encoding = chooseMessageEncoding(rpc.exchange.request.headers['connect-accept-encoding']);
  const body = await openRpcStream(deps, rpc, {
    answers: startCall(deps, rpc, codec),
    form: {
      message: async (message) => messageFrame(encoded(codec, rpc, message), encoding),
      end(status) {
        const metadata = toTrailerValues(rpc.responseTrailers);
        const hasMetadata = Object.keys(metadata).length > 0;
        const json = { ...(status && { error: connectErrorJson(status) }), ...(hasMetadata && { metadata }) };
        return frame(END, Buffer.from(JSON.stringify(json)));
      },
    },
  });
  const headers = {
    ...toRpcHeaders(rpc.responseMetadata),
    'content-type': `application/connect+${codec.name}`,
    'connect-accept-encoding': MESSAGE_ENCODINGS.join(', '),
    ...(encoding && { 'connect-content-encoding': encoding }),
    'x-accel-buffering': 'no',
  };
  return { status: 200, headers, body };
}

function encoded(codec: Codec, { method }: RpcRequest, message: Uint8Array): Buffer {
  return Buffer.from(codec.encode(method.descriptor.output, message));
}

function startCall(deps: CallDeps, rpc: RpcRequest, codec: Codec): AsyncIterable<Uint8Array> {
  const { exchange, method } = rpc;
  const given = exchange.request.headers['connect-content-encoding'];
  const encoding = typeof given === 'string' ? given : undefined;
  const call = toRpcCall(deps, rpc, (headers) => {
    checkVersion(headers['connect-protocol-version']);
    checkEncoding(encoding);
    return readConnectTimeoutMs(headers);
  });
  return callAnyKind(deps.dispatcher, { method, call, requests: readRequests(deps, rpc, { codec, encoding }) });
}

async function* readRequests(
  { bodyBytesMax }: CallDeps,
  { exchange, method }: RpcRequest,
  { codec, encoding }: { readonly codec: Codec; readonly encoding: string | undefined },
): AsyncGenerator<Uint8Array> {
  for await (const received of readFrames(bodyChunks(exchange), bodyBytesMax)) {
    if (received.flags > 1) throw invalidRequest([{ field: '', description: 'Body holds a frame of an unknown kind' }]);
    yield codec.decode(method.descriptor.input, await messageOf(received, encoding, bodyBytesMax));
  }
}
