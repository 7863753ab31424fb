import {
  Metadata,
  type CallOptions as GrpcCallOptions,
  type ClientReadableStream,
  type ServiceError as GrpcError,
} from '@grpc/grpc-js';
import { toHeaderText, type CallMetadata } from '../metadata.js';
import { REQUEST_ID_KEY } from '../request-id.js';
import { CallError } from './call-error.js';
import { createGrpcChannel, type ChannelOptions } from './grpc-channel.js';
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
        linkSignal(sent, call.signal);
      }),
    clientStream: (call, requests) =>
      new Promise((resolve, reject) => {
        // gRPC answers later, when the source is there.
        const fail = (err: Error) => reject(source.failure() ?? err);
        const sent = channel
          .get()
          .makeClientStreamRequest(call.path, asBuffer, asIs, ...about(call), settle(resolve, fail));
        const source = sendRequests(sent, requests);
        linkSignal(sent, call.signal);
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
  linkSignal(stream, call.signal);
  try {
    for await (const message of stream) yield message as Buffer;
  } catch (err) {
    throw source?.failure() ?? toCallError(err);
  } finally {
    stream.cancel();
  }
}

interface CancellableCall {
  cancel(): void;
  once(event: 'status', listener: () => void): unknown;
}

function linkSignal(call: CancellableCall, signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  const cancel = () => call.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  call.once('status', () => signal.removeEventListener('abort', cancel));
  if (signal.aborted) cancel();
}

function about({ metadata, timeoutMs }: OutgoingCall): [Metadata, GrpcCallOptions] {
  return [toGrpcMetadata(metadata), { deadline: Date.now() + timeoutMs }];
}

function toGrpcMetadata(source: CallMetadata): Metadata {
  const target = new Metadata();
  for (const [key, value] of source.entries()) target.add(key, toHeaderText(value));
  for (const [key, value] of source.binaryEntries()) target.add(key, Buffer.from(value));
  return target;
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
    cause: err,
  });
}
