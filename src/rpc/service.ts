import type { BinaryWriter } from '@bufbuild/protobuf/wire';
import type { IncomingCall } from './call.js';
import type { CallContext } from './context.js';
import type { Policy } from './policy.js';

/** Encodes and decodes one message type; what ts-proto generates for each. */
export interface MessageCodec<T> {
  /** Appends to the writer, where one is given, and gives what ends the message. */
  encode(message: T, writer?: BinaryWriter): { finish(): Uint8Array };
  decode(input: Uint8Array): T;
  /** Fills in what is missing. Method syntax lets the generated, narrower parameter types pass. */
  fromPartial(object: unknown): T;
}

/** A method as ts-proto's generic definitions describe it. */
export interface MethodDefinition<Request = unknown, Response = unknown> {
  readonly name: string;
  readonly requestType: MessageCodec<Request>;
  readonly requestStream: boolean;
  readonly responseType: MessageCodec<Response>;
  readonly responseStream: boolean;
  readonly options: { readonly _unknownFields?: Readonly<Record<number, readonly Uint8Array[]>> };
}

/** A service as ts-proto's generic definitions describe it. */
export interface ServiceDefinition {
  readonly name: string;
  readonly fullName: string;
  readonly methods: Readonly<Record<string, MethodDefinition>>;
}

export type RequestOf<M> = M extends { requestType: { decode(input: Uint8Array): infer T } } ? T : never;
export type ResponseOf<M> = M extends { responseType: { decode(input: Uint8Array): infer T } } ? T : never;

export type UnaryHandler<Req, Res> = (ctx: CallContext, request: Req) => Promise<Res>;
export type ServerStreamHandler<Req, Res> = (ctx: CallContext, request: Req) => AsyncIterable<Res>;
export type ClientStreamHandler<Req, Res> = (ctx: CallContext, requests: AsyncIterable<Req>) => Promise<Res>;
export type BidiHandler<Req, Res> = (ctx: CallContext, requests: AsyncIterable<Req>) => AsyncIterable<Res>;

/** The shape that the handler of a method must have. */
export type Handler<M extends MethodDefinition> = M['requestStream'] extends true
  ? M['responseStream'] extends true
    ? BidiHandler<RequestOf<M>, ResponseOf<M>>
    : ClientStreamHandler<RequestOf<M>, ResponseOf<M>>
  : M['responseStream'] extends true
    ? ServerStreamHandler<RequestOf<M>, ResponseOf<M>>
    : UnaryHandler<RequestOf<M>, ResponseOf<M>>;

export type Handlers<D extends ServiceDefinition> = { readonly [K in keyof D['methods']]: Handler<D['methods'][K]> };

/**
 * Any handler, once its types have done their work. The call as it came is for handlers that pass it on, and for nobody
 * else: implementService() does not show it.
 */
export type AnyHandler = (ctx: CallContext, request: unknown, call: IncomingCall) => unknown;

/** A service that is ready to be put into a method table. */
export interface ServiceImplementation {
  readonly definition: ServiceDefinition;
  /** By the method's key in the definition, such as `getDocument`. */
  readonly handlers: Readonly<Record<string, AnyHandler>>;
  /** Stands in for the options of contracts that are not ours (health, reflection). */
  readonly policy: Policy | undefined;
  /** What it cannot work without, by names such as `database`, so that its health tells. The database where it is left out. */
  readonly needs?: readonly string[];
}

/** Joins a generated definition with its handlers, which the compiler holds to the definition's types. */
export function implementService<D extends ServiceDefinition>(
  definition: D,
  handlers: Handlers<D>,
  { policy, needs }: { policy?: Policy; needs?: readonly string[] } = {},
): ServiceImplementation {
  // The cast forgets request and response types; the method table pairs each handler with the codec it was typed by.
  return { definition, handlers: handlers as unknown as Record<string, AnyHandler>, policy, ...(needs && { needs }) };
}
