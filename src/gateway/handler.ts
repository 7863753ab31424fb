import type { Awaitable } from '../async/awaitable.js';
import { invalidRequest, ServiceError } from '../rpc/errors.js';
import { CallMetadata } from '../rpc/metadata.js';
import type { Method } from '../rpc/method-table.js';
import { withSafeHeaders, type HttpAnswer } from './answer.js';
import { givesStream } from './call-any-kind.js';
import type { CallDeps } from './call-deps.js';
import { callConnectStream } from './connect/call-stream.js';
import { callConnectUnary } from './connect/call-unary.js';
import type { Exchange } from './exchange.js';
import { callGrpcWeb } from './grpc-web/call.js';
import { isGrpcWeb } from './grpc-web/content-type.js';
import { createCompress } from './http/compression.js';
import type { Cors } from './http/cors.js';
import { toHttpHeaders } from './http/headers.js';
import { readSession } from './http/session-cookie.js';
import { methodNotAllowed } from './http/http-failure.js';
import type { Page } from './pages/pages.js';
import { logRefusal } from './request-log.js';
import { callOAuth } from './rest/call-oauth.js';
import { callStream } from './rest/call-stream.js';
import { callUnary } from './rest/call-unary.js';
import { renderError } from './rest/render-error.js';
import type { Binding } from './routes/binding.js';
import { splitPath } from './routes/request-target.js';
import type { RouteMatch, Router } from './routes/router.js';
import type { RpcRequest } from './rpc-request.js';

/** What a route leads to. */
export type RouteTarget =
  | { readonly kind: 'rest'; readonly binding: Binding }
  | { readonly kind: 'rpc'; readonly method: Method }
  | { readonly kind: 'page'; readonly page: Page };

export interface HandlerDeps extends CallDeps {
  readonly router: Router<RouteTarget>;
  readonly cors: Cors;
}

/** Answers a request, whatever it is. Never throws. */
export type Handler = (exchange: Exchange) => Promise<HttpAnswer>;

export function createHandler(deps: HandlerDeps): Handler {
  const compress = createCompress();
  return async (exchange) => {
    const responseMetadata = new CallMetadata();
    let answered: HttpAnswer;
    try {
      answered = await answer(deps, exchange, responseMetadata);
    } catch (err) {
      logRefusal(deps.log, exchange, err);
      answered = answerError(deps, exchange, { err, responseMetadata });
    }
    const { request, requestId } = exchange;
    return compress(request, deps.cors(request.headers, withSafeHeaders(requestId, answered)));
  };
}

interface Failed {
  readonly err: unknown;
  readonly responseMetadata: CallMetadata;
}

function answerError({ registry }: HandlerDeps, exchange: Exchange, { err, responseMetadata }: Failed): HttpAnswer {
  const { authorization = '', 'if-match': ifMatch } = exchange.request.headers;
  const rendered = renderError(err, {
    registry,
    requestId: exchange.requestId,
    hasToken: /^bearer /i.test(authorization),
    hasIfMatch: ifMatch !== undefined,
    isPretty: PRETTY.test(exchange.target?.query ?? ''),
  });
  return { ...rendered, headers: { ...toHttpHeaders(responseMetadata), ...rendered.headers } };
}

/** Errors come before the query is understood, so its wish to be read by people is looked for in the text. */
const PRETTY = /(?:^|&)(?:\$|%24)?prettyPrint(?:=(?:true|1)?)?(?:&|$)/;

function answer(deps: HandlerDeps, exchange: Exchange, responseMetadata: CallMetadata): Awaitable<HttpAnswer> {
  const match = findRoute(deps, exchange);
  const httpMethod = exchange.request.method ?? '';
  if (match.kind === 'not-found') {
    throw new ServiceError('ROUTE_NOT_FOUND', 'Nothing is served at this path: "/" lists what is');
  }
  if (match.kind === 'method-not-allowed') {
    if (httpMethod === 'OPTIONS') return { status: 204, headers: { allow: match.allow.join(', ') }, body: '' };
    throw methodNotAllowed(httpMethod, match.allow);
  }
  const { target } = match.entry;
  recogniseSession(exchange);
  if (target.kind === 'page') return target.page.render();
  if (target.kind === 'rpc') {
    return callRpc(deps, { exchange, method: target.method, responseMetadata, responseTrailers: new CallMetadata() });
  }
  const { binding } = target;
  const call = binding.profile === 'oauth2' ? callOAuth : givesStream(binding.method) ? callStream : callUnary;
  return call(deps, { exchange, binding, segments: match.segments, responseMetadata });
}

/** A page that is recognised by its cookie calls, on every protocol, as if it had sent the token. */
function recogniseSession(exchange: Exchange): void {
  const { headers } = exchange.request;
  const session = readSession(headers);
  if (session === undefined) return;
  exchange.session = session;
  const token = session.accessToken;
  if (token !== '' && headers.authorization === undefined) headers.authorization = `Bearer ${token}`;
}

function findRoute({ router }: HandlerDeps, { request, target }: Exchange): RouteMatch<RouteTarget> {
  const path = target && splitPath(target.path);
  if (path === undefined) {
    throw invalidRequest([{ field: '', description: 'Path is not percent-encoded UTF-8' }]);
  }
  return router.find(request.method ?? '', path);
}

/** The protocols of typed clients share the path of a method; the content type tells them apart. */
function callRpc(deps: HandlerDeps, rpc: RpcRequest): Promise<HttpAnswer> {
  if (isGrpcWeb(rpc.exchange.request.headers)) return callGrpcWeb(deps, rpc);
  const isUnary = rpc.method.descriptor.methodKind === 'unary';
  return isUnary ? callConnectUnary(deps, rpc) : callConnectStream(deps, rpc);
}
