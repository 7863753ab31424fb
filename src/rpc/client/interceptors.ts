import { Code } from '../codes.js';
import type { MethodDefinition } from '../service.js';
import { CallError } from './call-error.js';
import type { OutgoingCall, Transport } from './transport.js';

/** A call on its way through the interceptors of a client. */
export interface InterceptedCall extends OutgoingCall {
  /** What the contract says of it: whether it has one request or answer or a stream of them, its types, its options. */
  readonly method: MethodDefinition;
}

/** Carries a call of any kind on. One request, or one answer, is a stream of one. */
export type CarryOn = (call: InterceptedCall, requests: AsyncIterable<unknown>) => AsyncIterable<unknown>;

/**
 * Stands around the calls of a client, of every kind: it may look at messages, change or replace them, change metadata
 * and deadline (`next({ ...call, timeoutMs }, requests)`), answer or fail by itself, or carry the call on again. Messages
 * are plain objects of the types of `call.method`.
 */
export type Interceptor = (
  call: InterceptedCall,
  requests: AsyncIterable<unknown>,
  next: CarryOn,
) => AsyncIterable<unknown>;

/** Puts interceptors around a method. The first is the outermost: it sees the call first, and the answer last. */
export function intercept(interceptors: readonly Interceptor[], innermost: CarryOn): CarryOn {
  return interceptors.reduceRight<CarryOn>(
    (next, interceptor) => (call, requests) => interceptor(call, requests, next),
    innermost,
  );
}

/** Carries calls of a method on by a transport. Its requests are complete: nothing is added to them but their encoding. */
export function carryBy(transport: Transport, method: MethodDefinition): CarryOn {
  const encode = (message: unknown) => method.requestType.encode(message).finish();
  const send = senderOf(transport, method, encode);
  return async function* carry(call, requests) {
    for await (const bytes of send(call, requests)) yield method.responseType.decode(bytes);
  };
}

type Send = (call: OutgoingCall, requests: AsyncIterable<unknown>) => AsyncIterable<Uint8Array>;

function senderOf(
  transport: Transport,
  { requestStream, responseStream }: MethodDefinition,
  encode: (message: unknown) => Uint8Array,
): Send {
  if (requestStream && responseStream) {
    return (call, requests) => transport.bidiStream(call, mapEach(requests, encode));
  }
  if (requestStream) {
    return (call, requests) => yieldOnce(() => transport.clientStream(call, mapEach(requests, encode)));
  }
  if (responseStream) {
    return async function* send(call, requests) {
      yield* transport.serverStream(call, encode(await onlyOne(requests, 'request')));
    };
  }
  return (call, requests) => yieldOnce(async () => transport.unary(call, encode(await onlyOne(requests, 'request'))));
}

/** Gives the one message of a call that has only one. Reads to the end, so that whoever made it can finish. */
export async function onlyOne(messages: AsyncIterable<unknown>, what: 'request' | 'answer'): Promise<unknown> {
  const all: unknown[] = [];
  for await (const message of messages) {
    all.push(message);
    if (all.length > 1) break;
  }
  if (all.length === 1) return all[0];
  const message = `Call has ${all.length === 0 ? 'no' : 'more than one'} ${what}, expected one: see its interceptors`;
  throw new CallError({ code: Code.INTERNAL, message, isLocal: true });
}

/** Gives a value that comes later as an iterable. Nothing starts before it is read. */
export async function* yieldOnce<T>(start: () => T | Promise<T>): AsyncGenerator<T> {
  yield await start();
}

/** Gives what an iterable gives, changed one by one. */
export async function* mapEach<T, U>(source: AsyncIterable<T>, map: (item: T) => U): AsyncGenerator<U> {
  for await (const item of source) yield map(item);
}
