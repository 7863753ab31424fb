import type { CodeName } from './codes.js';

/**
 * Every failure that a caller can act on, with the gRPC code it travels under. A reason is wire contract: add freely;
 * never rename, reuse or move one to another code. docs/errors.md tells callers what to do about each.
 */
export const REASONS = {
  AUDIT_UNAVAILABLE: 'UNAVAILABLE',
  CALL_CANCELLED: 'CANCELLED',
  CLIENT_INVALID: 'UNAUTHENTICATED',
  COLLECTION_NOT_EMPTY: 'FAILED_PRECONDITION',
  CONSISTENCY_INVALID: 'INVALID_ARGUMENT',
  CONTENTION: 'ABORTED',
  CREDENTIALS_INVALID: 'UNAUTHENTICATED',
  CROSS_SITE_REQUEST: 'PERMISSION_DENIED',
  DEADLINE_EXCEEDED: 'DEADLINE_EXCEEDED',
  ENCODING_UNSUPPORTED: 'UNIMPLEMENTED',
  ETAG_MISMATCH: 'ABORTED',
  GRANT_EXCEEDS_CALLER: 'PERMISSION_DENIED',
  GRANT_TYPE_UNSUPPORTED: 'INVALID_ARGUMENT',
  INTERNAL: 'INTERNAL',
  INVALID_REQUEST: 'INVALID_ARGUMENT',
  LAST_OWNER: 'FAILED_PRECONDITION',
  LIMIT_EXCEEDED: 'RESOURCE_EXHAUSTED',
  MALFORMED_MESSAGE: 'INVALID_ARGUMENT',
  MESSAGE_TOO_LARGE: 'RESOURCE_EXHAUSTED',
  METHOD_NOT_FOUND: 'UNIMPLEMENTED',
  OVERLOADED: 'RESOURCE_EXHAUSTED',
  PERMISSION_DENIED: 'PERMISSION_DENIED',
  QUOTA_EXCEEDED: 'RESOURCE_EXHAUSTED',
  REFRESH_TOKEN_INVALID: 'UNAUTHENTICATED',
  REQUEST_ID_REUSED: 'INVALID_ARGUMENT',
  RESOURCE_EXISTS: 'ALREADY_EXISTS',
  RESOURCE_NOT_FOUND: 'NOT_FOUND',
  REVISION_AHEAD: 'OUT_OF_RANGE',
  REVISION_OUT_OF_RANGE: 'OUT_OF_RANGE',
  ROLE_BUILT_IN: 'FAILED_PRECONDITION',
  ROUTE_NOT_FOUND: 'NOT_FOUND',
  SCOPE_INVALID: 'INVALID_ARGUMENT',
  SERVER_DRAINING: 'UNAVAILABLE',
  SNAPSHOT_OVERTAKEN: 'ABORTED',
  SNAPSHOT_TOO_LARGE: 'RESOURCE_EXHAUSTED',
  SIGN_IN_THROTTLED: 'RESOURCE_EXHAUSTED',
  STORE_UNAVAILABLE: 'UNAVAILABLE',
  TOKEN_INVALID: 'UNAUTHENTICATED',
  TOKEN_MISSING: 'UNAUTHENTICATED',
  TOKEN_TYPE_UNSUPPORTED: 'INVALID_ARGUMENT',
  UNIQUE_CONFLICT: 'FAILED_PRECONDITION',
  UPSTREAM_UNAVAILABLE: 'UNAVAILABLE',
} as const satisfies Record<string, CodeName>;

export type Reason = keyof typeof REASONS;

/** Says what is wrong with one field of a request. */
export interface FieldViolation {
  /** The path of the field, as in a field mask: `document.fields`. Empty when it is about the whole request. */
  readonly field: string;
  readonly description: string;
}

/** What helps a caller to act on a failure; each part becomes one google.rpc detail message. */
export interface FailureDetails {
  /** Becomes ErrorInfo.metadata. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Becomes BadRequest. */
  readonly violations?: readonly FieldViolation[];
  /** Becomes ResourceInfo. */
  readonly resource?: { readonly type: string; readonly name: string };
  /** Becomes RetryInfo. */
  readonly retryDelayMs?: number;
}

/** A failure that is safe to show to the caller. Driver errors and secrets belong in `cause`, never in the message. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
  readonly reason: Reason;
  readonly details: FailureDetails;

  constructor(reason: Reason, message: string, details: FailureDetails = {}, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
    this.details = details;
  }
}

/** Refuses a request, naming every field that is at fault. */
export function invalidRequest(violations: readonly FieldViolation[]): ServiceError {
  const first = violations[0];
  const more = violations.length > 1 ? ` (and ${violations.length - 1} more)` : '';
  const where = first === undefined || first.field === '' ? '' : `${first.field}: `;
  const what = first?.description ?? 'does not meet the contract';
  return new ServiceError('INVALID_REQUEST', `Invalid request: ${where}${what}${more}`, { violations });
}
