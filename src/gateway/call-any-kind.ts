import type { IncomingCall, LazyDispatcher } from '../rpc/call.js';
import { ServiceError } from '../rpc/errors.js';
import type { Method } from '../rpc/method-table.js';

/** A call whose requests come one by one, be they many or one. */
export interface StreamedCall {
  readonly method: Method;
  readonly call: IncomingCall;
  readonly requests: AsyncIterable<Uint8Array>;
}

/** Does a call of any of the four kinds, seen as one: many requests, many answers. */
export async function* callAnyKind(
  dispatcher: LazyDispatcher,
  { method, call, requests }: StreamedCall,
): AsyncGenerator<Uint8Array> {
  switch (method.descriptor.methodKind) {
    case 'unary':
      yield await dispatcher.unary(method, call, () => onlyOne(requests));
      break;
    case 'server_streaming':
      yield* dispatcher.serverStream(method, call, () => onlyOne(requests));
      break;
    case 'client_streaming':
      yield await dispatcher.clientStream(method, call, requests);
      break;
    case 'bidi_streaming':
      yield* dispatcher.bidiStream(method, call, requests);
  }
}

/** Tells whether a method takes many requests. */
export function takesStream({ descriptor }: Method): boolean {
  return descriptor.methodKind === 'client_streaming' || descriptor.methodKind === 'bidi_streaming';
}

/** Tells whether a method gives many answers. */
export function givesStream({ descriptor }: Method): boolean {
  return descriptor.methodKind === 'server_streaming' || descriptor.methodKind === 'bidi_streaming';
}

/** A call that takes one request is told apart from one that takes many by a client that has another contract. */
async function onlyOne(requests: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  let only: Uint8Array | undefined;
  for await (const request of requests) {
    if (only !== undefined) throw new ServiceError('METHOD_NOT_FOUND', 'Method takes one request, and more have come');
    only = request;
  }
  if (only === undefined) throw new ServiceError('METHOD_NOT_FOUND', 'Method takes one request, and none has come');
  return only;
}
