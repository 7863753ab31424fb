import type {
  CallOptions as GrpcCallOptions,
  ClientReadableStream,
  Metadata,
  ServiceError as GrpcError,
  StatusObject,
} from '@grpc/grpc-js';
import { Code } from '../codes.js';
import { REQUEST_ID_KEY } from '../request-id.js';
import { CallError } from './call-error.js';
import { createGrpcChannel, type ChannelOptions } from './grpc-channel.js';
import { addGrpcMetadata, toGrpcMetadata } from './grpc-metadata.js';
import { sendRequests, type SentRequests } from './send-requests.js';
import type { OutgoingCall, Transport } from './transport.js';

const STATUS_DETAILS_KEY = 'grpc-status-details-bin';

/** Carries calls over the network. */
export function createGrpcTransport(options: ChannelOptions): Transport {
  const channel = createGrpcChannel(options);
  return {
    unary: (call, request) =>
      new Promise((resolve, reject) => {
        const sent = channel
          .get()
          .makeUnaryRequest(call.path, asBuffer, asIs, request, ...about(call), settle(resolve, reject));
        observe(sent, call);
      }),
    clientStream: (call, requests) =>
      new Promise((resolve, reject) => {
        // gRPC answers later, when the source is there.
        const fail = (err: Error) => reject(source.failure() ?? err);
        const sent = channel
          .get()
          .makeClientStreamRequest(call.path, asBuffer, asIs, ...about(call), settle(resolve, fail));
        const source = sendRequests(sent, requests);
        observe(sent, call);
      }),
    serverStream: (call, request) =>
      readAll(call, () => ({
        stream: channel.get().makeServerStreamRequest(call.path, asBuffer, asIs, request, ...about(call)),
      })),
    bidiStream: (call, requests) =>
      readAll(call, () => {
        const stream = channel.get().makeBidiStreamRequest(call.path, asBuffer, asIs, ...about(call));
        return { stream, source: sendRequests(stream, requests) };
      }),
    close: () => channel.close(),
  };
}

interface StartedStream {
  readonly stream: ClientReadableStream<Buffer>;
  readonly source?: SentRequests;
}

/** Starts the call with the first read, and cancels it when the reader stops early. */
async function* readAll(call: OutgoingCall, start: () => StartedStream): AsyncGenerator<Uint8Array> {
  const { stream, source } = start();
  observe(stream, call);
  try {
    for await (const message of stream) yield message as Buffer;
  } catch (err) {
    throw source?.failure() ?? toCallError(err);
  } finally {
    stream.cancel();
  }
}

interface StartedCall {
  cancel(): void;
  on(event: 'metadata', listener: (metadata: Metadata) => void): unknown;
  once(event: 'status', listener: (status: StatusObject) => void): unknown;
}

/** Links a call with the signal that cancels it, and keeps what comes beside its messages. */
function observe(started: StartedCall, { signal, responseMetadata, responseTrailers }: OutgoingCall): void {
  const cancel = () => started.cancel();
  let hasHeaders = false;
  started.on('metadata', (metadata) => {
    hasHeaders = true;
    if (responseMetadata !== undefined) addGrpcMetadata(responseMetadata, metadata);
  });
  started.once('status', ({ metadata }) => {
    signal?.removeEventListener('abort', cancel);
    // An answer that is nothing but a failure has one block for both.
    const target = hasHeaders ? responseTrailers : responseMetadata;
    if (target !== undefined) addGrpcMetadata(target, metadata);
  });
  signal?.addEventListener('abort', cancel, { once: true });
  if (signal?.aborted === true) cancel();
}

function about({ metadata, timeoutMs }: OutgoingCall): [Metadata, GrpcCallOptions] {
  return [toGrpcMetadata(metadata), { deadline: Date.now() + timeoutMs }];
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}

function settle(resolve: (value: Uint8Array) => void, reject: (reason: Error) => void) {
  return (err: GrpcError | null, value?: Buffer): void => {
    if (err === null && value !== undefined) resolve(value);
    else reject(toCallError(err) as Error);
  };
}

function toCallError(err: unknown): unknown {
  if (!(err instanceof Error) || !('metadata' in err)) return err;
  const { code, details: message, metadata } = err as GrpcError;
  const status = metadata.get(STATUS_DETAILS_KEY)[0];
  const requestId = metadata.get(REQUEST_ID_KEY)[0];
  return new CallError({
    code,
    message,
    status: Buffer.isBuffer(status) ? status : undefined,
    requestId: typeof requestId === 'string' ? requestId : undefined,
    isLocal: isLocal(err as GrpcError),
    cause: err,
  });
}

/** grpc-js tells its own failures as those of the server; but a server says more than a code and one of these texts. */
function isLocal({ code, details, metadata }: GrpcError): boolean {
  return Object.keys(metadata.getMap()).length === 0 && (code === Code.UNAVAILABLE || LOCAL_TEXT.test(details));
}

const LOCAL_TEXT =
  /^(?:Received RST_STREAM|Deadline exceeded after|Cancelled on client|Received message (?:larger|that decompresses)|Attempted to send message|Connection dropped|No message received|Response message parsing|Failed to (?:start|decompress)|Call ended without|Channel closed|\d+ )/;
