import { jsonText, type HttpAnswer } from '../answer.js';
import type { CallDeps } from '../call-deps.js';
import { cachingHeaders } from '../http/cache-control.js';
import { entityTagOf, isKnown } from '../http/entity-tag.js';
import { toHttpHeaders } from '../http/headers.js';
import { selectParts } from '../message/field-selection.js';
import { readRequest, toIncomingCall, type RoutedRequest } from './read-request.js';
import { toResponseJson } from './write-response.js';

/** Does a unary call that came as REST, and gives its answer. Throws what renderError() understands. */
export async function callUnary(deps: CallDeps, routed: RoutedRequest): Promise<HttpAnswer> {
  const { binding, exchange, responseMetadata } = routed;
  const { request, output, selection } = readRequest(deps, routed);
  const bytes = await deps.dispatcher
    .unary(binding.method, toIncomingCall(routed), request.read)
    .catch((err: unknown) => {
      throw request.explain(err);
    });
  const { body, whole } = toResponseJson(deps.registry, binding, bytes, output);
  const entityTag = entityTagOf(binding.method.descriptor.output, whole);
  const headers = toHttpHeaders(responseMetadata);
  headers['content-type'] = 'application/json';
  if (entityTag !== undefined) headers['etag'] = entityTag;
  if (binding.httpMethod === 'GET') {
    Object.assign(headers, cachingHeaders(binding.method.policy, { isVersioned: entityTag !== undefined }));
  }
  if (binding.httpMethod === 'GET' && entityTag !== undefined && isKnown(exchange.request.headers, entityTag)) {
    return { status: 304, headers, body: '' };
  }
  return {
    status: 200,
    headers,
    body: jsonText(selection === undefined ? body : selectParts(body, selection), output),
  };
}
