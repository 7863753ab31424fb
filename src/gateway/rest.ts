import { jsonText, type HttpAnswer } from './answer.js';
import { toHttpHeaders } from './headers.js';
import { readRequest, toIncomingCall, type RestDeps, type RoutedRequest } from './rest-request.js';
import { toResponseJson } from './rest-response.js';

/** Does a unary call that came as REST, and gives its answer. Throws what renderError() understands. */
export async function callUnary(deps: RestDeps, routed: RoutedRequest): Promise<HttpAnswer> {
  const { binding, responseMetadata } = routed;
  const { request, output } = await readRequest(deps, routed);
  const bytes = await deps.dispatcher.unary(binding.method, toIncomingCall(routed), request);
  const { body } = toResponseJson(deps.registry, binding, bytes, output);
  const headers = { 'content-type': 'application/json', ...toHttpHeaders(responseMetadata) };
  return { status: 200, headers, body: jsonText(body, output) };
}
