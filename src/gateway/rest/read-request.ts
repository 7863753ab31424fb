import { toBinary, type Message } from '@bufbuild/protobuf';
import { reflect } from '@bufbuild/protobuf/reflect';
import { afterwards, type Awaitable } from '../../async/awaitable.js';
import type { IncomingCall } from '../../rpc/call.js';
import { invalidRequest, type FieldViolation } from '../../rpc/errors.js';
import type { CallMetadata } from '../../rpc/metadata.js';
import type { CallDeps } from '../call-deps.js';
import type { Exchange } from '../exchange.js';
import { isUpload, setHttpBody, takesHttpBody } from '../http-body/http-body.js';
import { readUpload } from '../http-body/upload.js';
import { applyPreconditions } from '../http/entity-tag.js';
import { toCallMetadata } from '../http/headers.js';
import { LateRequest } from '../http/late-request.js';
import { parseQuery, type QueryParameter } from '../http/query.js';
import { hasBody, readBody } from '../http/read-body.js';
import { readTimeoutMs } from '../http/timeout.js';
import { bindRequest, type RequestParts } from '../message/bind-request.js';
import { parseSelection, SelectionError, type Selection } from '../message/field-selection.js';
import { resumeField } from '../message/resume.js';
import { takeSystemParameters, type OutputOptions } from '../message/system-parameters.js';
import type { Binding } from '../routes/binding.js';
import type { PathSegments } from '../routes/request-target.js';
import { fillFromSession } from './session-fields.js';
import { checkJsonType, parseJsonBody } from './json-body.js';

/** An HTTP request that a route was found for. */
export interface RoutedRequest {
  readonly exchange: Exchange;
  readonly binding: Binding;
  readonly segments: PathSegments;
  /** Collects what goes back as headers, with the answer or with the error. */
  readonly responseMetadata: CallMetadata;
}

/** What a request says about its answer, and the request message, which is not read yet. */
export interface RestRequest {
  readonly output: OutputOptions;
  /** The parts of the answer that are wanted. All, where it is undefined. */
  readonly selection: Selection | undefined;
  readonly request: LateRequest;
  /** The stream of request messages, where the body is one. */
  readonly upload: AsyncIterable<Uint8Array> | undefined;
}

/**
 * Reads of a request what stands in its first lines. The message, encoded, is read when the call asks for it. Throws what
 * renderError() understands.
 */
export function readRequest(deps: CallDeps, routed: RoutedRequest): RestRequest {
  const { exchange, binding } = routed;
  const { descriptor } = binding.method;
  const query = parseQuery(exchange.target?.query ?? '');
  const system = takeSystemParameters(descriptor.input, query.parameters);
  const { selection, mistake } = readSelection(binding, system.output);
  const violations = [...query.violations, ...system.violations, ...mistake];
  if (violations.length > 0) throw invalidRequest(violations);
  return {
    output: system.output,
    selection,
    request: new LateRequest(() => readMessage(deps, routed, system.rest)),
    upload: isUpload(binding) ? readUpload(deps, routed, system.rest) : undefined,
  };
}

function readSelection(
  { method, responseField }: Binding,
  { fields }: OutputOptions,
): { selection: Selection | undefined; mistake: FieldViolation[] } {
  if (fields === undefined) return { selection: undefined, mistake: [] };
  try {
    return { selection: parseSelection(fields, responseField ?? method.descriptor.output), mistake: [] };
  } catch (err) {
    if (!(err instanceof SelectionError)) throw err;
    return { selection: undefined, mistake: [{ field: '$fields', description: err.message }] };
  }
}

function readMessage(
  deps: CallDeps,
  routed: RoutedRequest,
  parameters: readonly QueryParameter[],
): Awaitable<Uint8Array> {
  const { exchange, binding, segments } = routed;
  const { headers } = exchange.request;
  if (takesHttpBody(binding)) {
    return afterwards(readBody(exchange.request, deps.bodyBytesMax), (data) => {
      const message = bindRequest(deps.registry, binding, { segments, parameters, body: undefined });
      setHttpBody(binding, message, { contentType: headers['content-type'] ?? '', data });
      return finishMessage(deps, routed, message);
    });
  }
  const bind = (body: RequestParts['body']) =>
    finishMessage(deps, routed, bindRequest(deps.registry, binding, { segments, parameters, body }));
  if (!hasBody(headers)) return bind(undefined);
  if (binding.body.kind !== 'none') checkJsonType(headers);
  return afterwards(readBody(exchange.request, deps.bodyBytesMax), (bytes) => bind(parseBody(binding, bytes)));
}

/** Fills in what comes in headers, and encodes the message. */
function finishMessage({ registry }: CallDeps, { exchange, binding }: RoutedRequest, message: Message): Uint8Array {
  applyPreconditions(exchange.request.headers, binding, message);
  resumeAfterLastEvent(exchange, binding, message);
  fillFromSession(registry, binding, message, exchange.session);
  return toBinary(binding.method.descriptor.input, message);
}

/** A browser that reconnects repeats its URL and names the last event it has seen: the stream goes on after that. */
function resumeAfterLastEvent({ request }: Exchange, { method }: Binding, message: Message): void {
  const { input, methodKind } = method.descriptor;
  const lastEventId = request.headers['last-event-id'];
  if (methodKind !== 'server_streaming' || typeof lastEventId !== 'string') return;
  const field = resumeField(input);
  if (field !== undefined) reflect(input, message).set(field, lastEventId);
}

/** Reads the body where the contract has one. Elsewhere one is refused, for what it says would go unheard. */
function parseBody({ body }: Binding, bytes: Buffer): RequestParts['body'] {
  if (bytes.length === 0) return undefined;
  if (body.kind === 'none') {
    throw invalidRequest([
      { field: '', description: 'Body must be empty: this method takes its fields from path and query' },
    ]);
  }
  return parseJsonBody(bytes, body.kind === 'field' ? body.field.name : '');
}

export function toIncomingCall(
  { exchange, responseMetadata }: RoutedRequest,
  headers = exchange.request.headers,
): IncomingCall {
  return {
    protocol: 'http',
    peer: exchange.peer,
    peerName: exchange.peerName,
    metadata: toCallMetadata(headers, exchange.requestId),
    timeoutMs: readTimeoutMs(headers),
    signal: exchange.signal,
    responseMetadata,
  };
}
