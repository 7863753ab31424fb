import { jsonText, type HttpAnswer } from '../answer.js';
import type { CallDeps } from '../call-deps.js';
import { entityTagOf, isKnown } from '../http/entity-tag.js';
import { toHttpHeaders } from '../http/headers.js';
import { readRequest, toIncomingCall, type RoutedRequest } from './read-request.js';
import { toResponseJson } from './write-response.js';

/** Does a unary call that came as REST, and gives its answer. Throws what renderError() understands. */
export async function callUnary(deps: CallDeps, routed: RoutedRequest): Promise<HttpAnswer> {
  const { binding, exchange, responseMetadata } = routed;
  const { request, output } = await readRequest(deps, routed);
  const bytes = await deps.dispatcher.unary(binding.method, toIncomingCall(routed), request);
  const { body, whole } = toResponseJson(deps.registry, binding, bytes, output);
  const entityTag = entityTagOf(binding.method.descriptor.output, whole);
  const headers = toHttpHeaders(responseMetadata);
  headers['content-type'] = 'application/json';
  if (entityTag !== undefined) addVersion(headers, binding.httpMethod, entityTag);
  if (binding.httpMethod === 'GET' && entityTag !== undefined && isKnown(exchange.request.headers, entityTag)) {
    return { status: 304, headers, body: '' };
  }
  return { status: 200, headers, body: jsonText(body, output) };
}

/** A resource with a version may be kept by the browser that asked for it, which asks again before each use. */
function addVersion(headers: Record<string, string>, httpMethod: string, entityTag: string): void {
  headers['etag'] = entityTag;
  if (httpMethod !== 'GET') return;
  headers['cache-control'] = 'private, no-cache';
  headers['vary'] = 'authorization';
}
