import { randomUUID } from 'node:crypto';
import { Idempotency } from '../../../gen/keelson/options/v1/options.js';
import { CONSISTENCY_KEY, CONSISTENCY_TOKEN_KEY } from '../consistency.js';
import { newerToken } from '../consistency-token.js';
import type { CallSpan } from '../../telemetry/tracing.js';
import { Code } from '../codes.js';
import { createMessageEncoder } from '../message-encoder.js';
import { CallMetadata } from '../metadata.js';
import { readPolicy, type Policy } from '../policy.js';
import type { MethodDefinition } from '../service.js';
import type { ConsistencySession } from './consistency-session.js';
import { TRACEPARENT_KEY, toTraceparent } from '../trace.js';
import { CallError } from './call-error.js';
import type { CallOptions } from './create-client.js';
import { carryBy, intercept, mapEach, onlyOne, yieldOnce, type Interceptor } from './interceptors.js';
import { combineSignals } from './signals.js';
import type { OutgoingCall, Transport } from './transport.js';

/** A method of a server that can be called. */
export interface CallTarget {
  readonly transport: Transport;
  readonly token: string | undefined;
  readonly session: ConsistencySession;
  /** The gRPC path: `/keelson.documents.v1.DocumentService/GetDocument`. */
  readonly path: string;
  readonly method: MethodDefinition;
  readonly interceptors: readonly Interceptor[];
}

/** For contracts that state no policy. A call without any deadline could wait for ever on a peer that says nothing. */
const FALLBACK_TIMEOUT_MS = 60_000;

/** Makes the function that calls the method: what it takes and gives is what ServiceClient says. */
export function createMethod(target: CallTarget): unknown {
  const { transport, method, interceptors } = target;
  const policy = readPolicy(method.options);
  const complete = completer(method, policy);
  const start = (options: CallOptions = {}) => startCall(target, policy, options);
  if (interceptors.length > 0) return createIntercepted(target, { complete, start });
  const encodeMessage = createMessageEncoder();
  const encode = (request: unknown) => encodeMessage(method.requestType, complete(request));
  const decode = (bytes: Uint8Array) => method.responseType.decode(bytes);

  if (method.requestStream && method.responseStream) {
    return (requests: AsyncIterable<unknown>, options?: CallOptions) =>
      readMany(start(options), decode, (call) => transport.bidiStream(call, mapEach(requests, encode)));
  }
  if (method.requestStream) {
    return (requests: AsyncIterable<unknown>, options?: CallOptions) =>
      readOne(start(options), decode, (call) => transport.clientStream(call, mapEach(requests, encode)));
  }
  if (method.responseStream) {
    return (request: unknown, options?: CallOptions) =>
      readMany(start(options), decode, (call) => transport.serverStream(call, encode(request)));
  }
  return (request: unknown, options?: CallOptions) =>
    readOne(start(options), decode, (call) => transport.unary(call, encode(request)));
}

interface MethodParts {
  readonly complete: (request: unknown) => unknown;
  readonly start: (options?: CallOptions) => StartedCall;
}

function createIntercepted({ transport, method, interceptors }: CallTarget, { complete, start }: MethodParts): unknown {
  const carry = intercept(interceptors, carryBy(transport, method));
  const begin = (call: OutgoingCall, input: unknown) => {
    const requests = method.requestStream
      ? mapEach(input as AsyncIterable<unknown>, complete)
      : yieldOnce(() => complete(input));
    return carry({ ...call, method }, requests);
  };
  const asIs = (message: unknown) => message;
  if (method.responseStream) {
    return (input: unknown, options?: CallOptions) => readMany(start(options), asIs, (call) => begin(call, input));
  }
  return (input: unknown, options?: CallOptions) =>
    readOne(start(options), asIs, (call) => onlyOne(begin(call, input), 'answer'));
}

interface StartedCall {
  readonly call: OutgoingCall;
  /** Unlinks the call from what could have ended it, and ends its span. */
  readonly release: (err?: unknown) => void;
  /** Takes in the token that the answer carries, once it is there. */
  readonly noteToken: () => void;
}

function startCall(
  { token, session, path }: CallTarget,
  policy: Policy | undefined,
  options: CallOptions,
): StartedCall {
  const { context } = options;
  const ownMs = options.timeoutMs ?? policy?.deadlineDefaultMs ?? FALLBACK_TIMEOUT_MS;
  const timeoutMs = Math.min(ownMs, context?.remainingMs() ?? Infinity);
  const [, service = '', name = ''] = path.split('/');
  const span = context?.beginOutgoing?.({ service, method: name });
  const metadata = writeMetadata({ token, session }, options, span);
  const { signal, release: unlink } = combineSignals(options.signal, context?.signal);
  const release = (err?: unknown) => {
    unlink();
    endSpan(span, err);
  };
  const responseMetadata = new CallMetadata();
  const noteToken = () => {
    const shown = responseMetadata.get(CONSISTENCY_TOKEN_KEY);
    if (shown === undefined) return;
    session.saw(shown);
    context?.consistency.sawToken(shown);
  };
  return { call: { path, metadata, timeoutMs, signal, responseMetadata }, release, noteToken };
}

function writeMetadata(
  { token, session }: Pick<CallTarget, 'token' | 'session'>,
  { context, consistency, metadata: given = {} }: CallOptions,
  span: CallSpan | undefined,
): CallMetadata {
  const metadata = new CallMetadata();
  if (token !== undefined) metadata.add('authorization', `Bearer ${token}`);
  const texts = new Map<string, string>(context?.propagated());
  if (span !== undefined) texts.set(TRACEPARENT_KEY, toTraceparent(span));
  // Where the caller's token is of another database, that of the server is the one that says something to it.
  const seen = newerToken(texts.get(CONSISTENCY_TOKEN_KEY), session.token);
  if (seen !== undefined) texts.set(CONSISTENCY_TOKEN_KEY, seen);
  if (consistency !== undefined) texts.set(CONSISTENCY_KEY, consistency);
  for (const [key, value] of Object.entries(given)) texts.set(key.toLowerCase(), value);
  for (const [key, value] of texts) metadata.add(key, value);
  return metadata;
}

function endSpan(span: CallSpan | undefined, err: unknown): void {
  if (err instanceof CallError) span?.end(err.codeName, err.code);
  else if (err === undefined) span?.end('OK', Code.OK);
  else span?.end('UNKNOWN', Code.UNKNOWN);
}

async function readOne<T>(
  { call, release, noteToken }: StartedCall,
  decode: (answer: T) => unknown,
  send: (call: OutgoingCall) => Promise<T>,
): Promise<unknown> {
  let failure: unknown;
  try {
    return decode(await send(call));
  } catch (err) {
    failure = err;
    throw err;
  } finally {
    noteToken();
    release(failure);
  }
}

async function* readMany<T>(
  { call, release, noteToken }: StartedCall,
  decode: (answer: T) => unknown,
  send: (call: OutgoingCall) => AsyncIterable<T>,
): AsyncGenerator {
  let failure: unknown;
  try {
    for await (const answer of send(call)) {
      noteToken();
      yield decode(answer);
    }
  } catch (err) {
    failure = err;
    throw err;
  } finally {
    noteToken();
    release(failure);
  }
}

/** A request that repeats safely by its id gets one, so that a repeated call is one change (AIP-155). */
function completer({ requestType, requestStream }: MethodDefinition, policy: Policy | undefined) {
  const needsId = !requestStream && policy?.idempotency === Idempotency.IDEMPOTENCY_REQUEST_ID;
  return (request: unknown): unknown => {
    const message = requestType.fromPartial(request);
    return needsId ? withRequestId(message) : message;
  };
}

function withRequestId(message: unknown): unknown {
  const { requestId } = message as { readonly requestId?: string };
  return requestId === '' ? { ...(message as object), requestId: randomUUID() } : message;
}
