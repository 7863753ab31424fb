import { fromBinary, toJson, type Registry } from '@bufbuild/protobuf';
import type { StatusError } from '../../rpc/status.js';

export interface ErrorHeadersContext {
  readonly registry: Registry;
  /** True when the request came with a bearer token, so that UNAUTHENTICATED says that it is the wrong one. */
  readonly hasToken: boolean;
}

/** Gives the headers that go with a failure: the challenge of a 401, and when to try again. */
export function errorHeaders(status: StatusError, context: ErrorHeadersContext): Record<string, string> {
  return { ...challenge(status, context), ...retryAfter(status, context) };
}

/** RFC 6750: a challenge, which names an error only where a token was given. */
function challenge({ codeName }: StatusError, { hasToken }: ErrorHeadersContext): Record<string, string> {
  if (codeName !== 'UNAUTHENTICATED') return {};
  return { 'www-authenticate': `Bearer realm="keelson"${hasToken ? ', error="invalid_token"' : ''}` };
}

/** Gives the delay of a google.rpc.RetryInfo in whole seconds, never less than it asks for. */
function retryAfter({ details }: StatusError, { registry }: ErrorHeadersContext): Record<string, string> {
  const schema = registry.getMessage('google.rpc.RetryInfo');
  const info = details.find(({ typeUrl }) => typeUrl.endsWith('/google.rpc.RetryInfo'));
  if (schema === undefined || info === undefined) return {};
  try {
    const { retryDelay } = toJson(schema, fromBinary(schema, info.value)) as { retryDelay?: string };
    return { 'retry-after': String(Math.ceil(Number.parseFloat(retryDelay ?? '0'))) };
  } catch {
    return {};
  }
}
