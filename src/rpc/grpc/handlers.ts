import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { IncomingCall, LazyDispatcher } from '../call.js';
import { CallerWatch } from '../caller-watch.js';
import { ServiceError } from '../errors.js';
import { CallMetadata } from '../metadata.js';
import { limitError, type Limits } from '../limits.js';
import type { Method, MethodTable } from '../method-table.js';
import { REQUEST_ID_KEY, requestIdOf } from '../request-id.js';
import { toStatusError, type StatusError } from '../status.js';
import { countHeaderBytes, readMetadata } from './headers.js';
import type { Patience } from './patience.js';
import { peerOf } from './peer.js';
import { isCompression } from './inflate.js';
import { readEach, readOnly, unknownEncoding, type RequestSource } from './request-messages.js';
import { ResponseWriter } from './response-writer.js';
import { parseTimeoutMs } from './timeout.js';
import { turnAway } from './turn-away.js';

export interface StreamHandlerDeps {
  readonly table: MethodTable;
  readonly dispatcher: LazyDispatcher;
  readonly limits: Limits;
  /** Runs out for calls whose only request does not arrive. */
  readonly patience: Patience<ServerHttp2Stream>;
}

/** Answers one HTTP/2 stream, whatever it is. Never throws. */
export type StreamHandler = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

/** A stream that has turned out to be a call of a method. */
interface Exchange {
  readonly deps: StreamHandlerDeps;
  readonly method: Method;
  readonly call: IncomingCall;
  readonly source: RequestSource;
  readonly writer: ResponseWriter;
}

export function createStreamHandler(deps: StreamHandlerDeps): StreamHandler {
  return (stream, headers) => {
    // An error is always followed by 'close', which is where the end of the caller is noticed.
    stream.on('error', () => undefined);
    // After all that has been read: a stream that was opened and reset in one breath costs no more than this.
    setImmediate(() => {
      if (!stream.destroyed && !stream.closed) accept(deps, stream, headers);
    });
  };
}

function accept(deps: StreamHandlerDeps, stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
  const notGrpc = httpStatusOfStranger(headers);
  if (notGrpc !== undefined) return stream.respond({ ':status': notGrpc }, { endStream: true });
  const method = deps.table.methods.get(headers[':path'] ?? '');
  if (method === undefined) return refuseUnknown(stream, headers);
  const refusal = deps.dispatcher.refuse(method);
  if (refusal !== undefined) return turnAway(stream, refusal);
  serve(openExchange(deps, method, stream, headers));
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

function httpStatusOfStranger(headers: IncomingHttpHeaders): number | undefined {
  if (headers[':method'] !== 'POST') return 405;
  return GRPC.test(headers['content-type'] ?? '') ? undefined : 415;
}

/** Messages are protobuf; other forms have a name behind the plus sign. */
const GRPC = /^application\/grpc(?:\+proto)?\s*(?:;.*)?$/i;

function refuseUnknown(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
  const responseMetadata = new CallMetadata();
  const requestId = requestIdOf(readMetadata(headers));
  responseMetadata.add(REQUEST_ID_KEY, requestId);
  const message = `There is no method "${String(headers[':path']).slice(0, 256)}"`;
  const status = toStatusError(new ServiceError('METHOD_NOT_FOUND', message), requestId);
  new ResponseWriter(stream, { responseMetadata }).end(status);
}

function openExchange(
  deps: StreamHandlerDeps,
  method: Method,
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
): Exchange {
  const peerGone = new CallerWatch();
  const responseMetadata = new CallMetadata();
  const responseTrailers = new CallMetadata();
  const writer = new ResponseWriter(stream, { responseMetadata, responseTrailers });
  stream.once('close', () => {
    // Nearly every stream closes with its answer.
    if (!writer.hasEnded) peerGone.abort();
  });
  const call: IncomingCall = {
    protocol: 'grpc',
    ...peerOf(stream.session),
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
  const encoding = headers['grpc-encoding'];
  const source = { stream, encoding: typeof encoding === 'string' ? encoding : 'identity', limits: deps.limits };
  return { deps, method, call, source, writer };
}

/** A call that is at fault before it has begun runs all the same, to its failure: so it is in the log like any other. */
function readLimits(limits: Limits, headers: IncomingHttpHeaders): Pick<IncomingCall, 'timeoutMs' | 'fault'> {
  try {
    if (countHeaderBytes(headers) > limits.metadataBytesMax) {
      throw limitError(limits, 'metadataBytesMax', 'Metadata takes too many bytes');
    }
    const encoding = headers['grpc-encoding'];
    if (typeof encoding === 'string' && encoding !== 'identity' && !isCompression(encoding)) {
      throw unknownEncoding(encoding);
    }
    return { timeoutMs: parseTimeoutMs(headers['grpc-timeout'] as string | undefined) };
  } catch (fault) {
    return { timeoutMs: undefined, fault: fault as ServiceError };
  }
}

async function answerOnce(exchange: Exchange): Promise<void> {
  const { deps, method, call, source, writer } = exchange;
  try {
    const answer =
      method.descriptor.methodKind === 'unary'
        ? deps.dispatcher.unary(method, call, () => readInTime(exchange))
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
        ? deps.dispatcher.serverStream(method, call, () => readInTime(exchange))
        : deps.dispatcher.bidiStream(method, call, readEach(source));
    for await (const bytes of answers) await writer.write(bytes);
    writer.end(undefined);
  } catch (err) {
    writer.end(err as StatusError);
  }
}

/** Reads the only request of a call; one that takes longer than the limit fails the call. */
async function readInTime({ deps: { limits, patience }, source }: Exchange): Promise<Uint8Array> {
  const tooLate = () => limitError(limits, 'requestTimeoutMs', 'Request did not arrive in time');
  return patience.limit(source.stream, readOnly(source), tooLate);
}
