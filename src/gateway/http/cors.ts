import type { IncomingHttpHeaders } from 'node:http';
import { joinNames, type HttpAnswer } from '../answer.js';

const PREFLIGHT_MAX_AGE_SECONDS = 7200;

/** Request headers that mean something here beyond those that every page may send. */
const ALLOWED_HEADERS = [
  'accept-language',
  'authorization',
  'baggage',
  'connect-protocol-version',
  'connect-timeout-ms',
  'content-type',
  'grpc-timeout',
  'if-match',
  'if-none-match',
  'if-range',
  'last-event-id',
  'range',
  'traceparent',
  'tracestate',
  'x-consistency',
  'x-consistency-token',
  'x-grpc-web',
  'x-request-id',
  'x-server-timeout',
  'x-user-agent',
];
const ALLOWED_PREFIXES = /^(?:grpc-metadata-|x-keelson-)[a-z0-9_.-]+$/;
/** Response headers that a page may read without being told so, or that say nothing to it. */
const SILENT_HEADERS =
  /^(?:cache-control|content-(?:length|security-policy|type)|cross-origin-.*|referrer-policy|vary|x-(?:accel|content-type)-.*)$/;

/** Adds to an answer what lets pages of other origins read it. */
export type Cors = (requestHeaders: IncomingHttpHeaders, answer: HttpAnswer) => HttpAnswer;

/**
 * Opens the gateway to pages of the given origins (`https://app.example.com`), or of any (`*`); to none when the list is
 * empty. Credentials of the browser's own, such as cookies, are never asked for: a token says who calls.
 */
export function createCors(origins: readonly string[]): Cors {
  if (origins.length === 0) return (_requestHeaders, answer) => answer;
  const isOpen = origins.includes('*');
  const allowed = new Set(origins.map((origin) => origin.toLowerCase()));
  return (requestHeaders, answer) => {
    const { origin } = requestHeaders;
    // Whoever keeps answers must keep them apart by origin, also those to a page that was not let in.
    const headers = isOpen ? answer.headers : { ...answer.headers, vary: joinNames(answer.headers['vary'], 'origin') };
    if (typeof origin !== 'string' || !(isOpen || allowed.has(origin.toLowerCase()))) return { ...answer, headers };
    const cors = {
      'access-control-allow-origin': isOpen ? '*' : origin,
      ...exposed(answer),
      ...preflight(requestHeaders, answer),
    };
    return { ...answer, headers: { ...headers, ...cors } };
  };
}

function exposed({ headers }: HttpAnswer): Record<string, string> {
  const names = Object.keys(headers).filter((name) => !SILENT_HEADERS.test(name));
  return names.length === 0 ? {} : { 'access-control-expose-headers': names.join(', ') };
}

/** Answers the question that a browser asks before a request that a form could not send. */
function preflight(requestHeaders: IncomingHttpHeaders, { headers }: HttpAnswer): Record<string, string> {
  const { allow } = headers;
  if (requestHeaders['access-control-request-method'] === undefined || allow === undefined) return {};
  const wanted = (requestHeaders['access-control-request-headers'] ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase());
  return {
    'access-control-allow-methods': allow,
    'access-control-allow-headers': [...ALLOWED_HEADERS, ...wanted.filter((name) => ALLOWED_PREFIXES.test(name))].join(
      ', ',
    ),
    'access-control-max-age': String(PREFLIGHT_MAX_AGE_SECONDS),
    vary: joinNames(headers['vary'], 'origin, access-control-request-method, access-control-request-headers'),
  };
}
