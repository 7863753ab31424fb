import { fromBinary, toJson, type Registry } from '@bufbuild/protobuf';
import type { Reason } from '../../rpc/errors.js';
import { toStatusError, type StatusError } from '../../rpc/status.js';
import { jsonText, type HttpAnswer } from '../answer.js';
import { errorHeaders } from '../http/error-headers.js';
import { HttpFailure } from '../http/http-failure.js';
import { HTTP_STATUS } from '../http/http-status.js';

/** A failure as OAuth 2.0 has it. */
export interface OAuthError {
  readonly error: string;
  readonly status: number;
}

const INVALID_CLIENT: OAuthError = { error: 'invalid_client', status: 401 };

/** The errors of RFC 6749, section 5.2, of RFC 7009 and of RFC 6750, by the reasons of the table. */
const BY_REASON: Readonly<Partial<Record<Reason, OAuthError>>> = {
  CLIENT_INVALID: INVALID_CLIENT,
  GRANT_TYPE_UNSUPPORTED: { error: 'unsupported_grant_type', status: 400 },
  MESSAGE_TOO_LARGE: { error: 'invalid_request', status: 413 },
  PERMISSION_DENIED: { error: 'insufficient_scope', status: 403 },
  REFRESH_TOKEN_INVALID: { error: 'invalid_grant', status: 400 },
  SCOPE_INVALID: { error: 'invalid_scope', status: 400 },
  TOKEN_INVALID: INVALID_CLIENT,
  TOKEN_MISSING: INVALID_CLIENT,
  TOKEN_TYPE_UNSUPPORTED: { error: 'unsupported_token_type', status: 400 },
};

/** What the form of an error depends on. */
export interface OAuthErrorContext {
  readonly registry: Registry;
  readonly requestId: string;
  /** True when the client came with Basic credentials: it is challenged for these. */
  readonly hasBasic: boolean;
}

/** Renders whatever was thrown as `{"error": "invalid_grant", "error_description": "..."}`. */
export function renderOAuthError(err: unknown, { registry, requestId, hasBasic }: OAuthErrorContext): HttpAnswer {
  const failure = toStatusError(err instanceof HttpFailure ? err.failure : err, requestId);
  const { error, status } = oauthErrorOf(reasonOf(failure, registry), failure.codeName);
  const isChallenge = status === 401;
  return {
    status,
    headers: {
      ...errorHeaders(failure, { registry, hasToken: false }),
      ...(isChallenge && hasBasic && { 'www-authenticate': 'Basic realm="keelson"' }),
      'content-type': 'application/json',
    },
    body: jsonText({ error, error_description: toDescription(failure.message) }, { isPretty: false }),
  };
}

/** Gives what stands for a reason of the table, or of another server, with its code. */
export function oauthErrorOf(reason: Reason, codeName: StatusError['codeName']): OAuthError {
  const known = BY_REASON[reason];
  if (known !== undefined) return known;
  const status = HTTP_STATUS[codeName];
  if (status === 429 || status === 503) return { error: 'temporarily_unavailable', status };
  return status >= 500 ? { error: 'server_error', status } : { error: 'invalid_request', status: 400 };
}

/** A failure that comes from another server has its reason in its details alone. */
function reasonOf({ reason, details }: StatusError, registry: Registry): Reason {
  if (reason !== undefined) return reason as Reason;
  const schema = registry.getMessage('google.rpc.ErrorInfo');
  const info = details.find(({ typeUrl }) => typeUrl.endsWith('/google.rpc.ErrorInfo'));
  if (schema === undefined || info === undefined) return 'INTERNAL';
  return (toJson(schema, fromBinary(schema, info.value)) as { reason?: Reason }).reason ?? 'INTERNAL';
}

/** Section 5.2 allows printable ASCII but for quotation marks and backslashes. */
function toDescription(message: string): string {
  return message.replaceAll('"', "'").replaceAll(/[^ !#-[\]-~]/g, '?');
}
