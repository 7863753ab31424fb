import { fromBinary, toJson, type Registry } from '@bufbuild/protobuf';
import type { StatusError } from '../../rpc/status.js';

const MS_PER_SECOND = 1000;

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

/** In whole seconds, never less than the failure asks for. */
function retryAfter(status: StatusError, { registry }: ErrorHeadersContext): Record<string, string> {
  const delayMs = retryDelayMsOf(status, registry);
  return delayMs === undefined ? {} : { 'retry-after': String(Math.ceil(delayMs / MS_PER_SECOND)) };
}

/** Gives the delay that a google.rpc.RetryInfo of a failure asks for. */
export function retryDelayMsOf({ details }: StatusError, registry: Registry): number | undefined {
  const schema = registry.getMessage('google.rpc.RetryInfo');
  const info = details.find(({ typeUrl }) => typeUrl.endsWith('/google.rpc.RetryInfo'));
  if (schema === undefined || info === undefined) return undefined;
  try {
    const { retryDelay = '0s' } = toJson(schema, fromBinary(schema, info.value)) as { retryDelay?: string };
    return Math.ceil(Number.parseFloat(retryDelay) * MS_PER_SECOND);
  } catch {
    return undefined;
  }
}
