import type { IncomingCall, LazyDispatcher, Request } from '../call.js';
import { CallerWatch } from '../caller-watch.js';
import { ServiceError } from '../errors.js';
import { CallMetadata } from '../metadata.js';
import { limitError, type Limits } from '../limits.js';
import type { Method, MethodTable } from '../method-table.js';
import { REQUEST_ID_KEY, requestIdOf } from '../request-id.js';
import { toStatusError, type StatusError } from '../status.js';
import type { AnswerWriter, CallStream, RequestHeaders } from './call-stream.js';
import { readMetadata } from './headers.js';
import { isCompression } from './inflate.js';
import type { Patience } from './patience.js';
import { onlyMessageOf, readEach, readOnly, unknownEncoding, type RequestSource } from './request-messages.js';
import { parseTimeoutMs } from './timeout.js';
import { turnAway } from './turn-away.js';

export interface CallHandlerDeps {
  readonly table: MethodTable;
  readonly dispatcher: LazyDispatcher;
  readonly limits: Limits;
  /** Runs out for calls whose only request does not arrive. */
  readonly patience: Patience<RequestSource>;
}

/** A stream that has turned out to be a call of a method. */
interface Exchange {
  readonly deps: CallHandlerDeps;
  readonly method: Method;
  readonly call: IncomingCall;
  readonly source: RequestSource;
  readonly writer: AnswerWriter;
}

/** Makes what answers one stream, whatever it is. It never throws. */
export function createCallHandler(deps: CallHandlerDeps): (stream: CallStream) => void {
  return (stream) => {
    const notGrpc = httpStatusOfStranger(stream.headers);
    if (notGrpc !== undefined) return stream.refuse(notGrpc);
    const method = deps.table.methods.get(stream.headers.get(':path') ?? '');
    if (method === undefined) return refuseUnknown(stream);
    const refusal = deps.dispatcher.refuse(method);
    if (refusal !== undefined) return turnAway(stream, refusal);
    serve(openExchange(deps, method, stream));
  };
}

function serve(exchange: Exchange): void {
  switch (exchange.method.descriptor.methodKind) {
    case 'unary':
    case 'client_streaming':
      void answerOnce(exchange);
      break;
    case 'server_streaming':
    case 'bidi_streaming':
      void answerMany(exchange);
  }
}

function httpStatusOfStranger(headers: RequestHeaders): number | undefined {
  if (headers.get(':method') !== 'POST') return 405;
  return GRPC.test(headers.get('content-type') ?? '') ? undefined : 415;
}

/** Messages are protobuf; other forms have a name behind the plus sign. */
const GRPC = /^application\/grpc(?:\+proto)?\s*(?:;.*)?$/i;

function refuseUnknown(stream: CallStream): void {
  const { headers } = stream;
  const responseMetadata = new CallMetadata();
  const requestId = requestIdOf(readMetadata(headers));
  responseMetadata.add(REQUEST_ID_KEY, requestId);
  const message = `There is no method "${(headers.get(':path') ?? '').slice(0, 256)}"`;
  const status = toStatusError(new ServiceError('METHOD_NOT_FOUND', message), requestId);
  stream.answer({ responseMetadata }).end(status);
}

function openExchange(deps: CallHandlerDeps, method: Method, stream: CallStream): Exchange {
  const { headers, body, peer } = stream;
  const peerGone = new CallerWatch();
  const responseMetadata = new CallMetadata();
  const responseTrailers = new CallMetadata();
  const writer = stream.answer({ responseMetadata, responseTrailers });
  stream.onClose(() => {
    // Nearly every stream closes with its answer.
    if (!writer.hasEnded) peerGone.abort();
  });
  const call: IncomingCall = {
    protocol: 'grpc',
    peer: peer.peer,
    peerName: peer.peerName,
    metadata: readMetadata(headers),
    ...readLimits(deps.limits, headers),
    signal: peerGone,
    responseMetadata,
    responseTrailers,
    onEnd: (status) => {
      // The end may come while nobody waits for the handler: a stalled reader, a request that does not arrive.
      if (status !== undefined) writer.end(status);
    },
  };
  const source = { body, encoding: headers.get('grpc-encoding') ?? 'identity', limits: deps.limits };
  return { deps, method, call, source, writer };
}

/** A call that is at fault before it has begun runs all the same, to its failure: so it is in the log like any other. */
function readLimits(limits: Limits, headers: RequestHeaders): Pick<IncomingCall, 'timeoutMs' | 'fault'> {
  try {
    if (headers.bytes > limits.metadataBytesMax) {
      throw limitError(limits, 'metadataBytesMax', 'Metadata takes too many bytes');
    }
    const encoding = headers.get('grpc-encoding');
    if (encoding !== undefined && encoding !== 'identity' && !isCompression(encoding)) {
      throw unknownEncoding(encoding);
    }
    return { timeoutMs: parseTimeoutMs(headers.get('grpc-timeout')) };
  } catch (fault) {
    return { timeoutMs: undefined, fault: fault as ServiceError };
  }
}

async function answerOnce(exchange: Exchange): Promise<void> {
  const { deps, method, call, source, writer } = exchange;
  try {
    const answer =
      method.descriptor.methodKind === 'unary'
        ? deps.dispatcher.unary(method, call, requestOf(exchange))
        : deps.dispatcher.clientStream(method, call, readEach(source));
    writer.succeedWith(await answer);
  } catch (err) {
    // The dispatcher throws nothing but StatusError.
    writer.end(err as StatusError);
  }
}

/** Writes answers one at a time, each after HTTP/2 flow control has taken the one before. */
async function answerMany(exchange: Exchange): Promise<void> {
  const { deps, method, call, source, writer } = exchange;
  try {
    const answers =
      method.descriptor.methodKind === 'server_streaming'
        ? deps.dispatcher.serverStream(method, call, requestOf(exchange))
        : deps.dispatcher.bidiStream(method, call, readEach(source));
    for await (const bytes of answers) {
      const written = writer.write(bytes);
      if (written !== undefined) await written;
    }
    writer.end(undefined);
  } catch (err) {
    writer.end(err as StatusError);
  }
}

/** Gives the only request of a call, or how to wait for it. */
function requestOf(exchange: Exchange): Request {
  return onlyMessageOf(exchange.source) ?? (() => readInTime(exchange));
}

/** Reads the only request of a call; one that takes longer than the limit fails the call. */
async function readInTime({ deps: { limits, patience }, source }: Exchange): Promise<Uint8Array> {
  const tooLate = () => limitError(limits, 'requestTimeoutMs', 'Request did not arrive in time');
  return patience.limit(source, readOnly(source), tooLate);
}
