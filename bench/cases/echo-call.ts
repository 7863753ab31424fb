import { EchoManyRequest, EchoRequest, WorkRequest } from '../gen/bench/v1/echo_service.js';
import type { GrpcCall } from '../load/probe.js';

export const ECHO_NAME = 'echoes/first';
export const ECHO_TEXT = 'the quick brown fox jumps over the lazy dog';
const ECHO_REQUEST = EchoRequest.encode({ name: ECHO_NAME, text: ECHO_TEXT }).finish();

interface Server {
  readonly address: string;
  readonly token?: string;
}

/** A small unary call. */
export function echoCall({ address, token }: Server): GrpcCall {
  return { address, path: '/bench.v1.EchoService/Echo', request: ECHO_REQUEST, token };
}

/** The same without identity and permission. */
export function publicEchoCall({ address }: Server): GrpcCall {
  return { address, path: '/bench.v1.EchoService/EchoPublic', request: ECHO_REQUEST };
}

/** A call whose answer is a stream of so many small messages. */
export function echoManyCall({ address, token }: Server, count: number): GrpcCall {
  const request = EchoManyRequest.encode({ name: ECHO_NAME, text: ECHO_TEXT, count }).finish();
  return { address, path: '/bench.v1.EchoService/EchoMany', request, token };
}

/** A unary call that asks for some work. */
export function workCall(
  { address, token }: Server,
  work: { readonly busyMicros?: number; readonly heldMillis?: number },
): GrpcCall {
  const request = WorkRequest.encode({ name: ECHO_NAME, busyMicros: 0, heldMillis: 0, ...work }).finish();
  return { address, path: '/bench.v1.EchoService/Work', request, token };
}

/** A stream that gives one message and then waits. */
export function idleCall({ address, token }: Server): GrpcCall {
  return { address, path: '/bench.v1.EchoService/Idle', request: ECHO_REQUEST, token };
}
