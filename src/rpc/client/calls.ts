import { Metadata, type CallOptions as GrpcCallOptions, type Client as Channel } from '@grpc/grpc-js';
import type { ClientReadableStream, ClientWritableStream, ServiceError as GrpcError } from '@grpc/grpc-js';
import { readPolicy } from '../policy.js';
import type { MethodDefinition } from '../service.js';
import { CallError } from './call-error.js';

/** Options of one call. */
export interface CallOptions {
  /** Cancels the call when it aborts. */
  readonly signal?: AbortSignal;
  /** Replaces the deadline that the contract gives the method. In milliseconds. */
  readonly timeoutMs?: number;
  /** Sent beside the request. Keys are case-insensitive. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** A method of a server that can be called. */
export interface CallTarget {
  readonly channel: Channel;
  readonly token: string | undefined;
  /** The gRPC path: `/keelson.documents.v1.DocumentService/GetDocument`. */
  readonly path: string;
  readonly method: MethodDefinition;
  /** The deadline of a call that names none, in milliseconds. */
  readonly defaultTimeoutMs: number;
}

/** For contracts that state no policy. A call without any deadline could wait for ever on a peer that says nothing. */
const FALLBACK_TIMEOUT_MS = 60_000;

export function defaultTimeoutMs(method: MethodDefinition): number {
  return readPolicy(method.options)?.deadlineDefaultMs ?? FALLBACK_TIMEOUT_MS;
}

export function callUnary(target: CallTarget, request: unknown, options: CallOptions = {}): Promise<unknown> {
  const { channel, path } = target;
  return new Promise((resolve, reject) => {
    const call = channel.makeUnaryRequest(
      path,
      encoder(target.method),
      decoder(target.method),
      request,
      toMetadata(target, options),
      toGrpcOptions(target, options),
      settle(resolve, reject),
    );
    linkSignal(call, options.signal);
  });
}

export function callClientStream(
  target: CallTarget,
  requests: AsyncIterable<unknown>,
  options: CallOptions = {},
): Promise<unknown> {
  const { channel, path } = target;
  return new Promise((resolve, reject) => {
    const call = channel.makeClientStreamRequest(
      path,
      encoder(target.method),
      decoder(target.method),
      toMetadata(target, options),
      toGrpcOptions(target, options),
      settle(resolve, reject),
    );
    linkSignal(call, options.signal);
    void writeAll(call, requests);
  });
}

export function callServerStream(
  target: CallTarget,
  request: unknown,
  options: CallOptions = {},
): AsyncIterable<unknown> {
  const { channel, path } = target;
  return readAll(options.signal, () =>
    channel.makeServerStreamRequest(
      path,
      encoder(target.method),
      decoder(target.method),
      request,
      toMetadata(target, options),
      toGrpcOptions(target, options),
    ),
  );
}

export function callBidiStream(
  target: CallTarget,
  requests: AsyncIterable<unknown>,
  options: CallOptions = {},
): AsyncIterable<unknown> {
  const { channel, path } = target;
  return readAll(options.signal, () => {
    const call = channel.makeBidiStreamRequest(
      path,
      encoder(target.method),
      decoder(target.method),
      toMetadata(target, options),
      toGrpcOptions(target, options),
    );
    void writeAll(call, requests);
    return call;
  });
}

/** Starts the call with the first read, and cancels it when the reader stops early. */
async function* readAll(signal: AbortSignal | undefined, start: () => ClientReadableStream<unknown>): AsyncGenerator {
  const call = start();
  linkSignal(call, signal);
  try {
    for await (const message of call) yield message;
  } catch (err) {
    throw toCallError(err);
  } finally {
    call.cancel();
  }
}

/** Writes no faster than the peer reads. A source that throws cancels the call. */
async function writeAll(call: ClientWritableStream<unknown>, requests: AsyncIterable<unknown>): Promise<void> {
  try {
    for await (const request of requests) {
      const gone = await new Promise<unknown>((resolve) => call.write(request, resolve));
      if (gone instanceof Error) return;
    }
    call.end();
  } catch {
    call.cancel();
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

function encoder({ requestType }: MethodDefinition): (request: unknown) => Buffer {
  return (request) => Buffer.from(requestType.encode(requestType.fromPartial(request)).finish());
}

function decoder({ responseType }: MethodDefinition): (bytes: Buffer) => unknown {
  return (bytes) => responseType.decode(bytes);
}

function toMetadata({ token }: CallTarget, { metadata = {} }: CallOptions): Metadata {
  const result = new Metadata();
  if (token !== undefined) result.set('authorization', `Bearer ${token}`);
  for (const [key, value] of Object.entries(metadata)) result.set(key, value);
  return result;
}

function toGrpcOptions(target: CallTarget, { timeoutMs = target.defaultTimeoutMs }: CallOptions): GrpcCallOptions {
  return { deadline: Date.now() + timeoutMs };
}

function settle(resolve: (value: unknown) => void, reject: (reason: Error) => void) {
  return (err: GrpcError | null, value?: unknown): void => {
    if (err === null) resolve(value);
    else reject(new CallError(err));
  };
}

function toCallError(err: unknown): unknown {
  return err instanceof Error && 'metadata' in err ? new CallError(err as GrpcError) : err;
}
