import { Client as Channel, credentials } from '@grpc/grpc-js';
import type { MethodDefinition, ResponseOf, ServiceDefinition } from '../service.js';
import {
  callBidiStream,
  callClientStream,
  callServerStream,
  callUnary,
  defaultTimeoutMs,
  type CallOptions,
  type CallTarget,
} from './calls.js';

/** Options of a client. */
export interface ClientOptions {
  /** `host:port` of the server. */
  readonly address: string;
  /** Sent with every call as a bearer token. */
  readonly token?: string;
}

type RequestInput<M> = M extends { requestType: { fromPartial(object: infer P): unknown } } ? P : never;

type ClientMethod<M extends MethodDefinition> = M['requestStream'] extends true
  ? M['responseStream'] extends true
    ? (requests: AsyncIterable<RequestInput<M>>, options?: CallOptions) => AsyncIterable<ResponseOf<M>>
    : (requests: AsyncIterable<RequestInput<M>>, options?: CallOptions) => Promise<ResponseOf<M>>
  : M['responseStream'] extends true
    ? (request: RequestInput<M>, options?: CallOptions) => AsyncIterable<ResponseOf<M>>
    : (request: RequestInput<M>, options?: CallOptions) => Promise<ResponseOf<M>>;

/** One function a method, typed by the generated definition. Calls fail with `CallError`. */
export type ServiceClient<D extends ServiceDefinition> = {
  readonly [K in keyof D['methods']]: ClientMethod<D['methods'][K]>;
} & {
  /** Closes the connection; calls that run are cancelled. */
  close(): void;
};

/**
 * Makes a client of a service. Every call has a deadline: the contract's default, or `timeoutMs`. The connection opens
 * with the first call; whoever makes the client closes it.
 */
export function createClient<D extends ServiceDefinition>(definition: D, options: ClientOptions): ServiceClient<D> {
  const channel = new Channel(options.address, credentials.createInsecure());
  const methods: Record<string, unknown> = {};
  for (const [key, method] of Object.entries(definition.methods)) {
    const path = `/${definition.fullName}/${method.name}`;
    const target = { channel, token: options.token, path, method, defaultTimeoutMs: defaultTimeoutMs(method) };
    methods[key] = createMethod(target);
  }
  // The cast gives the functions the types of the definition that they were made from.
  return { ...methods, close: () => channel.close() } as unknown as ServiceClient<D>;
}

function createMethod(target: CallTarget): unknown {
  const { requestStream, responseStream } = target.method;
  const call = requestStream
    ? responseStream
      ? callBidiStream
      : callClientStream
    : responseStream
      ? callServerStream
      : callUnary;
  // Each of the four takes what a method of its kind is called with; ServiceClient holds callers to it.
  return (input: never, options?: CallOptions) => call(target, input, options);
}
