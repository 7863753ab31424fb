import type { CallContext } from '../context.js';
import type { Consistency } from '../policy.js';
import type { MethodDefinition, ResponseOf, ServiceDefinition } from '../service.js';
import { createConsistencySession, type ConsistencySession } from './consistency-session.js';
import type { ClientTls } from './grpc-channel.js';
import { createGrpcTransport } from './grpc-transport.js';
import type { Interceptor } from './interceptors.js';
import { createServiceConfig } from './service-config.js';
import type { Transport } from './transport.js';
import { createMethod } from './typed-calls.js';

/** Options of a client. */
export interface ClientOptions {
  /** `host:port` of the server, or a name with several addresses, over which calls are spread: `dns:///documents:50051`. */
  readonly address: string;
  /** Sent with every call as a bearer token. */
  readonly token?: string;
  /** Plaintext where it is left out. */
  readonly tls?: ClientTls;
  /** How long a connection may take to come up; the calls that wait for it fail with UNAVAILABLE then. 5 seconds. */
  readonly connectTimeoutMs?: number;
  /** The largest message, both ways. 4 MiB. */
  readonly messageBytesMax?: number;
  /** How often a call that is safe to repeat is tried in all. 4; at 1 nothing is repeated. */
  readonly attemptsMax?: number;
  /** What the calls have seen. Clients of services on one database may share one; otherwise each has its own. */
  readonly session?: ConsistencySession;
  /** Stand around every call; the first is the outermost. What gRPC repeats by itself is one call to them. */
  readonly interceptors?: readonly Interceptor[];
}

/** Options of a client that has its transport already. The client does not close it. */
export interface TransportClientOptions {
  readonly transport: Transport;
  readonly token?: string;
  /** As in ClientOptions. */
  readonly session?: ConsistencySession;
  /** As in ClientOptions. */
  readonly interceptors?: readonly Interceptor[];
}

/** Options of one call. */
export interface CallOptions {
  /** Cancels the call when it aborts. */
  readonly signal?: AbortSignal;
  /** Replaces the deadline that the contract gives the method. In milliseconds. */
  readonly timeoutMs?: number;
  /** Sent beside the request. Keys are case-insensitive. */
  readonly metadata?: Readonly<Record<string, string>>;
  /**
   * What the answer has to show: all that was answered before (`linearizable`), what this client has seen (`at-least`), or
   * whatever the server has at hand (`any`). The contract's default where it is left out. Changes take no notice of it.
   */
  readonly consistency?: Consistency;
  /**
   * The call that this one is made for: this one ends with it, never takes longer than it has left, and carries on its
   * request id, trace and consistency token.
   */
  readonly context?: CallContext;
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
 * Makes a client of a service. Every call has a deadline: the contract's default, or `timeoutMs`. A call is repeated by
 * itself only after UNAVAILABLE, and only where the contract says that this is safe; where it asks for a `request_id`
 * the client makes one. The connection opens with the first call; whoever makes the client closes it.
 */
export function createClient<D extends ServiceDefinition>(
  definition: D,
  options: ClientOptions | TransportClientOptions,
): ServiceClient<D> {
  if ('transport' in options) return clientOver(definition, options, () => undefined);
  const transport = createGrpcTransport({ ...options, serviceConfig: createServiceConfig(definition, options) });
  return clientOver(definition, { ...options, transport }, () => transport.close());
}

/**
 * Gives the same client for use inside a call: each of its calls is made for that one (see `CallOptions.context`), and
 * sends the metadata that all share.
 */
export function clientFor<D extends ServiceDefinition>(
  client: ServiceClient<D>,
  context: CallContext,
  { metadata }: Pick<CallOptions, 'metadata'> = {},
): Omit<ServiceClient<D>, 'close'> {
  type AnyMethod = (input: unknown, options?: CallOptions) => unknown;
  const bound = Object.entries(client as unknown as Record<string, AnyMethod>).map(([key, method]) => {
    const call: AnyMethod = (input, options) =>
      method(input, { ...options, ...(metadata && { metadata: { ...metadata, ...options?.metadata } }), context });
    return [key, call] as const;
  });
  return Object.fromEntries(bound) as unknown as ServiceClient<D>;
}

function clientOver<D extends ServiceDefinition>(
  definition: D,
  { transport, token, session = createConsistencySession(), interceptors = [] }: TransportClientOptions,
  close: () => void,
): ServiceClient<D> {
  const methods: Record<string, unknown> = {};
  for (const [key, method] of Object.entries(definition.methods)) {
    const path = `/${definition.fullName}/${method.name}`;
    methods[key] = createMethod({ transport, token, session, path, method, interceptors });
  }
  // The cast gives the functions the types of the definition that they were made from.
  return { ...methods, close } as unknown as ServiceClient<D>;
}
