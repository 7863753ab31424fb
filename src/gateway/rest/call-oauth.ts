import type { JsonObject } from '@bufbuild/protobuf';
import { toBinary } from '@bufbuild/protobuf';
import type { IncomingHttpHeaders } from 'node:http';
import { invalidRequest } from '../../rpc/errors.js';
import { jsonText, type HttpAnswer } from '../answer.js';
import type { CallDeps } from '../call-deps.js';
import { readBasicCredentials } from '../http/basic-credentials.js';
import { toHttpHeaders } from '../http/headers.js';
import { unsupportedMediaType } from '../http/http-failure.js';
import { LateRequest } from '../http/late-request.js';
import { parseQuery } from '../http/query.js';
import { readBody } from '../http/read-body.js';
import { bindRequest } from '../message/bind-request.js';
import { logRefusal } from '../request-log.js';
import { toIncomingCall, type RoutedRequest } from './read-request.js';
import { renderOAuthError } from './render-oauth-error.js';
import { toResponseJson } from './write-response.js';

const FORM_TYPE = /^application\/x-www-form-urlencoded\s*(?:;|$)/i;
const COMPACT = { isPretty: false } as const;

/**
 * Does a call in the HTTP form of OAuth 2.0 (RFC 6749): the request is a form, the answer JSON, an error what section 5.2
 * says. Basic credentials fill the fields `client_id` and `client_secret` of a request that has them; for others, the
 * secret is the bearer token of the call. Never throws.
 */
export async function callOAuth(deps: CallDeps, routed: RoutedRequest): Promise<HttpAnswer> {
  const { exchange, binding, responseMetadata } = routed;
  const { headers } = exchange.request;
  const hasBasic = /^basic /i.test(headers.authorization ?? '');
  try {
    const credentials = readBasicCredentials(headers);
    const takesCredentials = binding.method.descriptor.input.fields.some(({ name }) => name === 'client_secret');
    const given: JsonObject =
      credentials === undefined || !takesCredentials
        ? {}
        : { client_id: credentials.id, client_secret: credentials.secret };
    const request = new LateRequest(() => readFormRequest(deps, routed, given));
    const call = toIncomingCall(routed, credentials === undefined ? headers : asBearer(headers, credentials.secret));
    const bytes = await deps.dispatcher.unary(binding.method, call, request.read).catch((err: unknown) => {
      throw request.explain(err);
    });
    const { body } = toResponseJson(deps.registry, binding, bytes, { ...COMPACT, enumAsInteger: false });
    const answerHeaders = { ...toHttpHeaders(responseMetadata), 'content-type': 'application/json' };
    return { status: 200, headers: answerHeaders, body: jsonText(body, COMPACT) };
  } catch (err) {
    logRefusal(deps.log, exchange, err);
    const rendered = renderOAuthError(err, { registry: deps.registry, requestId: exchange.requestId, hasBasic });
    return { ...rendered, headers: { ...toHttpHeaders(responseMetadata), ...rendered.headers } };
  }
}

function asBearer(headers: IncomingHttpHeaders, token: string): IncomingHttpHeaders {
  return { ...headers, authorization: `Bearer ${token}` };
}

async function readFormRequest(
  { registry, bodyBytesMax }: CallDeps,
  { exchange, binding, segments }: RoutedRequest,
  credentials: JsonObject,
): Promise<Uint8Array> {
  const { request } = exchange;
  if (!FORM_TYPE.test(request.headers['content-type'] ?? '')) throw unsupportedMediaType('Request body is no form');
  const { input } = binding.method.descriptor;
  const { parameters, violations } = parseQuery((await readBody(request, bodyBytesMax)).toString('utf8'));
  if (violations.length > 0) throw invalidRequest(violations);
  const value: JsonObject = { ...credentials };
  const seen = new Set<string>();
  for (const parameter of parameters) {
    const field = input.fields.find(({ name }) => name === parameter.name);
    // RFC 6749, section 3.2: one without a value counts as left out, and one that is unknown is passed over.
    if (field === undefined || parameter.value === '') continue;
    if (seen.has(field.name)) throw invalidRequest([{ field: field.name, description: 'must not be there twice' }]);
    if (field.name === 'client_secret' && credentials['client_secret'] !== undefined) {
      throw invalidRequest([{ field: field.name, description: 'must not be there besides Basic credentials' }]);
    }
    seen.add(field.name);
    value[field.name] = parameter.value;
  }
  const body = { value, hasUnsafeInteger: false };
  return toBinary(input, bindRequest(registry, binding, { segments, parameters: [], body }));
}
