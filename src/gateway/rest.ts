import {
  create,
  fromBinary,
  toBinary,
  toJson,
  type DescField,
  type FileRegistry,
  type JsonValue,
  type Message,
} from '@bufbuild/protobuf';
import type { Dispatcher, IncomingCall } from '../rpc/call.js';
import { invalidRequest } from '../rpc/errors.js';
import { CallMetadata } from '../rpc/metadata.js';
import { jsonText, type HttpAnswer } from './answer.js';
import { bindRequest, type JsonBody } from './bind-request.js';
import type { Binding } from './binding.js';
import { checkJsonType, hasBody, parseJsonBody, readBody } from './body.js';
import type { Exchange } from './exchange.js';
import { toCallMetadata, toHttpHeaders } from './headers.js';
import { parseQuery } from './query.js';
import type { PathSegments } from './request-target.js';
import { takeSystemParameters, type OutputOptions } from './system-parameters.js';
import { readTimeoutMs } from './timeout.js';

export interface RestDeps {
  readonly registry: FileRegistry;
  readonly dispatcher: Dispatcher;
  readonly bodyBytesMax: number;
}

/** An HTTP request that a route was found for. */
export interface RoutedRequest {
  readonly exchange: Exchange;
  readonly binding: Binding;
  readonly segments: PathSegments;
  /** Collects what goes back as headers, with the answer or with the error. */
  readonly responseMetadata: CallMetadata;
}

/** Does a unary call that came as REST, and gives its answer. Throws what renderError() understands. */
export async function callUnary(deps: RestDeps, routed: RoutedRequest): Promise<HttpAnswer> {
  const { binding, responseMetadata } = routed;
  const { request, output } = await readRequest(deps, routed);
  const bytes = await deps.dispatcher.unary(binding.method, toIncomingCall(routed), request);
  const json = responseJson(deps.registry, binding, bytes, output);
  const headers = { 'content-type': 'application/json', ...toHttpHeaders(responseMetadata) };
  return { status: 200, headers, body: jsonText(json, output) };
}

/** Reads the request message of a call, encoded, and how its answer shall be written. */
async function readRequest(
  deps: RestDeps,
  { exchange, binding, segments }: RoutedRequest,
): Promise<{ request: Uint8Array; output: OutputOptions }> {
  const { input } = binding.method.descriptor;
  const query = parseQuery(exchange.target?.query ?? '');
  const system = takeSystemParameters(input, query.parameters);
  const violations = [...query.violations, ...system.violations];
  if (violations.length > 0) throw invalidRequest(violations);
  const body = await readJsonBody(deps, exchange, binding);
  const message = bindRequest(deps.registry, binding, { segments, parameters: system.rest, body });
  return { request: toBinary(input, message), output: system.output };
}

/** Reads the body where the contract has one. Elsewhere one is refused, for what it says would go unheard. */
async function readJsonBody(
  { bodyBytesMax }: RestDeps,
  { request }: Exchange,
  { body }: Binding,
): Promise<JsonBody | undefined> {
  if (!hasBody(request.headers)) return undefined;
  if (body.kind !== 'none') checkJsonType(request.headers);
  const bytes = await readBody(request, bodyBytesMax);
  if (bytes.length === 0) return undefined;
  if (body.kind === 'none') {
    throw invalidRequest([
      { field: '', description: 'Body must be empty: this method takes its fields from path and query' },
    ]);
  }
  return parseJsonBody(bytes, body.kind === 'field' ? body.field.name : '');
}

function toIncomingCall({ exchange, responseMetadata }: RoutedRequest): IncomingCall {
  const { headers } = exchange.request;
  return {
    protocol: 'http',
    peer: exchange.peer,
    metadata: toCallMetadata(headers, exchange.requestId),
    timeoutMs: readTimeoutMs(headers),
    signal: exchange.signal,
    responseMetadata,
  };
}

/**
 * Writes a response as canonical proto3 JSON. Fields at their default value are left out, as the canonical form has it:
 * what is there was set, and an answer is as short to read for a newcomer as the resource is.
 */
function responseJson(registry: FileRegistry, binding: Binding, bytes: Uint8Array, output: OutputOptions): JsonValue {
  const schema = binding.method.descriptor.output;
  const message = fromBinary(schema, bytes);
  const options = { registry, enumAsInteger: output.enumAsInteger };
  const { responseField } = binding;
  if (responseField === undefined) return toJson(schema, message, options);
  return fieldJson(toJson(schema, message, options), responseField, () =>
    toJson(schema, create(schema) as Message, { ...options, alwaysEmitImplicit: true }),
  );
}

/** A field that is the whole answer has a value even at its default: an empty list, a zero, or null for no message. */
function fieldJson(json: JsonValue, { jsonName }: DescField, defaults: () => JsonValue): JsonValue {
  return memberOf(json, jsonName) ?? memberOf(defaults(), jsonName) ?? null;
}

function memberOf(json: JsonValue, key: string): JsonValue | undefined {
  return typeof json === 'object' && json !== null && !Array.isArray(json) ? json[key] : undefined;
}
