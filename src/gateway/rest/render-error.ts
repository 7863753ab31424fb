import { create, toJson, type JsonObject, type Registry } from '@bufbuild/protobuf';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import type { StatusError } from '../../rpc/status.js';
import { toStatusError } from '../../rpc/status.js';
import { jsonText, type HttpAnswer } from '../answer.js';
import { errorHeaders } from '../http/error-headers.js';
import { HttpFailure } from '../http/http-failure.js';
import { HTTP_STATUS } from '../http/http-status.js';

/** What the form of an error depends on. */
export interface ErrorContext {
  readonly registry: Registry;
  readonly requestId: string;
  /** True when the request came with a bearer token, so that UNAUTHENTICATED says that it is the wrong one. */
  readonly hasToken: boolean;
  /** True when the request came with If-Match, so that a version that has passed is 412. */
  readonly hasIfMatch: boolean;
  readonly isPretty: boolean;
}

const PRECONDITION_FAILED = 412;

type Detail = StatusError['details'][number];

/**
 * Renders whatever was thrown as the error of a JSON API (AIP-193):
 * `{"error": {"code": 404, "message": "...", "status": "NOT_FOUND", "details": [...]}}`, where `code` is the HTTP status.
 * Shows nothing of a failure that was not made for callers.
 */
export function renderError(err: unknown, context: ErrorContext): HttpAnswer {
  const isHttp = err instanceof HttpFailure;
  const status = toStatusError(isHttp ? err.failure : err, context.requestId);
  const code = isHttp ? err.httpStatus : httpStatusOf(status, context);
  const headers = {
    'content-type': 'application/json',
    ...errorHeaders(status, context),
    ...(isHttp ? err.headers : {}),
  };
  return { status: code, headers, body: jsonText({ error: errorJson(status, code, context.registry) }, context) };
}

function httpStatusOf(status: StatusError, { registry, hasIfMatch }: ErrorContext): number {
  const isMismatch = status.details.some((detail) => detailJson(detail, registry)['reason'] === 'ETAG_MISMATCH');
  return hasIfMatch && isMismatch ? PRECONDITION_FAILED : HTTP_STATUS[status.codeName];
}

/** Gives the value of the `error` member. */
export function errorJson(status: StatusError, httpStatus: number, registry: Registry): JsonObject {
  const details = status.details.map((detail) => detailJson(detail, registry));
  return { code: httpStatus, message: status.message, status: status.codeName, details };
}

/** A detail of a type that is not known here, or that does not decode, keeps its bytes and spoils nothing else. */
export function detailJson({ typeUrl, value }: Detail, registry: Registry): JsonObject {
  try {
    const json = toJson(AnySchema, create(AnySchema, { typeUrl, value }), { registry }) as JsonObject;
    // The type goes first, where a reader looks for it.
    return { '@type': typeUrl, ...json };
  } catch {
    return { '@type': typeUrl, value: Buffer.from(value).toString('base64') };
  }
}
