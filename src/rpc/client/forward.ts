import type { DescMethod, DescService } from '@bufbuild/protobuf';
import { Status } from '../../../gen/google/rpc/status.js';
import type { IncomingCall } from '../call.js';
import { Code } from '../codes.js';
import type { CallContext } from '../context.js';
import { ServiceError } from '../errors.js';
import { CallMetadata, isSendableKey } from '../metadata.js';
import type { Policy } from '../policy.js';
import { REQUEST_ID_KEY } from '../request-id.js';
import type { AnyHandler, MessageCodec, MethodDefinition, ServiceImplementation } from '../service.js';
import { StatusError } from '../status.js';
import { CallError } from './call-error.js';
import type { OutgoingCall, Transport } from './transport.js';

const RETRY_MS = 1000;

export interface ForwardDeps {
  readonly transport: Transport;
  /** For methods whose contract states no policy. */
  readonly policy: Policy;
}

/**
 * Makes a service whose calls are done elsewhere: messages pass as they are, with their metadata, what is left of the
 * deadline and the end of the caller; answers come back with metadata, trailers and the status as the server gave it.
 */
export function forwardService(service: DescService, { transport, policy }: ForwardDeps): ServiceImplementation {
  const methods = Object.fromEntries(service.methods.map((method) => [method.localName, definitionOf(method)]));
  const handlers = Object.fromEntries(
    service.methods.map((method) => [method.localName, forwardMethod(method, transport)]),
  );
  return { definition: { name: service.name, fullName: service.typeName, methods }, handlers, policy };
}

/** Messages stay encoded. */
const AS_THEY_ARE: MessageCodec<Uint8Array> = {
  encode: (bytes) => ({ finish: () => bytes }),
  decode: (bytes) => bytes,
  fromPartial: (bytes) => bytes as Uint8Array,
};

function definitionOf({ name, methodKind, proto }: DescMethod): MethodDefinition {
  const unknown = proto.options?.$unknown?.map(({ no, wireType, data }) => [(no << 3) | wireType, [data]] as const);
  return {
    name,
    requestType: AS_THEY_ARE,
    requestStream: methodKind === 'client_streaming' || methodKind === 'bidi_streaming',
    responseType: AS_THEY_ARE,
    responseStream: methodKind === 'server_streaming' || methodKind === 'bidi_streaming',
    // Where ts-proto keeps the options that it does not know, the policy among them.
    options: { _unknownFields: Object.fromEntries(unknown ?? []) },
  };
}

function forwardMethod({ parent, name, methodKind }: DescMethod, transport: Transport): AnyHandler {
  const path = `/${parent.typeName}/${name}`;
  const begin = (ctx: CallContext, call: IncomingCall) => toOutgoingCall(path, ctx, call);
  switch (methodKind) {
    case 'unary':
      return (ctx, request, call) => once(begin(ctx, call), (out) => transport.unary(out, request as Uint8Array));
    case 'client_streaming':
      return (ctx, requests, call) =>
        once(begin(ctx, call), (out) => transport.clientStream(out, requests as AsyncIterable<Uint8Array>));
    case 'server_streaming':
      return (ctx, request, call) =>
        many(begin(ctx, call), (out) => transport.serverStream(out, request as Uint8Array));
    case 'bidi_streaming':
      return (ctx, requests, call) =>
        many(begin(ctx, call), (out) => transport.bidiStream(out, requests as AsyncIterable<Uint8Array>));
  }
}

interface ForwardedCall {
  readonly incoming: IncomingCall;
  readonly outgoing: OutgoingCall;
}

function toOutgoingCall(path: string, ctx: CallContext, incoming: IncomingCall): ForwardedCall {
  const metadata = new CallMetadata();
  const own = ctx.propagated();
  for (const [key, value] of own) metadata.add(key, value);
  for (const [key, value] of incoming.metadata.entries()) {
    if (isSendableKey(key) && !key.endsWith('-bin') && !own.has(key)) metadata.add(key, value);
  }
  for (const [key, value] of incoming.metadata.binaryEntries()) {
    if (isSendableKey(key)) metadata.addBinary(key, value);
  }
  const outgoing = {
    path,
    metadata,
    timeoutMs: ctx.remainingMs(),
    signal: ctx.signal,
    responseMetadata: new CallMetadata(),
    responseTrailers: new CallMetadata(),
  };
  return { incoming, outgoing };
}

async function once({ incoming, outgoing }: ForwardedCall, send: (out: OutgoingCall) => Promise<Uint8Array>) {
  try {
    return await send(outgoing);
  } catch (err) {
    throw toForwardedError(err);
  } finally {
    passMetadataBack(outgoing, incoming);
    passTrailersBack(outgoing, incoming);
  }
}

async function* many({ incoming, outgoing }: ForwardedCall, send: (out: OutgoingCall) => AsyncIterable<Uint8Array>) {
  let hasBegun = false;
  const begin = () => {
    if (!hasBegun) passMetadataBack(outgoing, incoming);
    hasBegun = true;
  };
  try {
    for await (const message of send(outgoing)) {
      begin();
      yield message;
    }
  } catch (err) {
    throw toForwardedError(err);
  } finally {
    begin();
    passTrailersBack(outgoing, incoming);
  }
}

function passMetadataBack({ responseMetadata }: OutgoingCall, incoming: IncomingCall): void {
  if (responseMetadata !== undefined) addAll(incoming.responseMetadata, responseMetadata);
}

function passTrailersBack({ responseTrailers }: OutgoingCall, incoming: IncomingCall): void {
  if (responseTrailers === undefined || incoming.responseTrailers === undefined) return;
  addAll(incoming.responseTrailers, responseTrailers);
}

/** The id of the call is the same on both sides, and stands there already. */
function addAll(target: CallMetadata, source: CallMetadata): void {
  for (const [key, value] of source.entries()) if (key !== REQUEST_ID_KEY) target.add(key, value);
  for (const [key, value] of source.binaryEntries()) target.addBinary(key, value);
}

/** What the server said is passed on whole; what went wrong on the way to it is told without the words of a library. */
function toForwardedError(err: unknown): unknown {
  if (!(err instanceof CallError)) return err;
  if (!err.isLocal) {
    return new StatusError(err.code as Code, err.message, detailsOf(err), {
      cause: err,
      retryDelayMs: err.retryDelayMs,
    });
  }
  switch (err.code) {
    case Code.DEADLINE_EXCEEDED:
      return new ServiceError('DEADLINE_EXCEEDED', 'Deadline passed before the call ended', {}, { cause: err });
    case Code.RESOURCE_EXHAUSTED:
      return new ServiceError('MESSAGE_TOO_LARGE', 'Message is larger than is passed on', {}, { cause: err });
    case Code.CANCELLED:
    case Code.UNAVAILABLE:
      return new ServiceError(
        'UPSTREAM_UNAVAILABLE',
        'The server that this call is passed on to cannot be reached',
        { retryDelayMs: RETRY_MS },
        { cause: err },
      );
    default:
      return err;
  }
}

function detailsOf({ status }: CallError): StatusError['details'] {
  if (status === undefined) return [];
  try {
    return Status.decode(status).details;
  } catch {
    return [];
  }
}
