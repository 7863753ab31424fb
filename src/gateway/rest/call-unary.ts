import type { CallMetadata } from '../../rpc/metadata.js';
import { jsonText, type HttpAnswer } from '../answer.js';
import type { CallDeps } from '../call-deps.js';
import { cachingHeaders } from '../http/cache-control.js';
import { entityTagOf, isKnown } from '../http/entity-tag.js';
import { toHttpHeaders } from '../http/headers.js';
import { answerFile } from '../http-body/download.js';
import { givesHttpBody, readHttpBody } from '../http-body/http-body.js';
import { selectParts } from '../message/field-selection.js';
import type { Binding } from '../routes/binding.js';
import { readRequest, toIncomingCall, type RoutedRequest } from './read-request.js';
import { takeSession } from './session-fields.js';
import { toResponseJson } from './write-response.js';

/** Does a call with one answer that came as REST, and gives that. Throws what renderError() understands. */
export async function callUnary(deps: CallDeps, routed: RoutedRequest): Promise<HttpAnswer> {
  const { binding, exchange, responseMetadata } = routed;
  const { request, upload, output, selection } = readRequest(deps, routed);
  const call = toIncomingCall(routed);
  let whole: Uint8Array;
  try {
    whole = await (upload === undefined
      ? deps.dispatcher.unary(binding.method, call, request.read)
      : deps.dispatcher.clientStream(binding.method, call, upload));
  } catch (err) {
    throw request.explain(err);
  }
  const { bytes, cookie } =
    exchange.session === undefined ? { bytes: whole, cookie: undefined } : takeSession(deps.registry, binding, whole);
  if (givesHttpBody(binding)) return fileAnswer(routed, bytes);
  const json = toResponseJson(deps.registry, binding, bytes, output);
  const entityTag = entityTagOf(binding.method.descriptor.output, json.whole);
  const headers = answerHeaders(binding, responseMetadata, entityTag);
  headers['content-type'] = 'application/json';
  if (cookie !== undefined) headers['set-cookie'] = cookie;
  if (binding.httpMethod === 'GET' && entityTag !== undefined && isKnown(exchange.request.headers, entityTag)) {
    return { status: 304, headers, body: '' };
  }
  return {
    status: 200,
    headers,
    body: jsonText(selection === undefined ? json.body : selectParts(json.body, selection), output),
  };
}

function fileAnswer({ binding, exchange, responseMetadata }: RoutedRequest, bytes: Uint8Array): HttpAnswer {
  const answer = readHttpBody(binding, bytes);
  const headers = answerHeaders(binding, responseMetadata, answer.entityTag);
  const isSame = answer.entityTag !== undefined && isKnown(exchange.request.headers, answer.entityTag);
  if (binding.httpMethod === 'GET' && isSame) return { status: 304, headers, body: '' };
  return answerFile(exchange, answer, headers);
}

function answerHeaders(
  { httpMethod, method }: Binding,
  responseMetadata: CallMetadata,
  entityTag: string | undefined,
): Record<string, string> {
  const headers = toHttpHeaders(responseMetadata);
  if (entityTag !== undefined) headers['etag'] = entityTag;
  if (httpMethod === 'GET') {
    Object.assign(headers, cachingHeaders(method.policy, { isVersioned: entityTag !== undefined }));
  }
  return headers;
}
