import { ServiceError } from '../../rpc/errors.js';
import type { StatusError } from '../../rpc/status.js';

/** A failure that HTTP has a status of its own for, which no gRPC code maps to. */
export class HttpFailure extends Error {
  override readonly name = 'HttpFailure';
  readonly httpStatus: number;
  /** What the body of the answer says. */
  readonly failure: ServiceError | StatusError;
  readonly headers: Readonly<Record<string, string>>;

  constructor(httpStatus: number, failure: ServiceError | StatusError, headers: Readonly<Record<string, string>> = {}) {
    super(failure.message);
    this.httpStatus = httpStatus;
    this.failure = failure;
    this.headers = headers;
  }
}

/** Refuses an HTTP method that the path does not take. */
export function methodNotAllowed(httpMethod: string, allow: readonly string[]): HttpFailure {
  const list = allow.join(', ');
  const failure = new ServiceError(
    'METHOD_NOT_FOUND',
    `HTTP method ${httpMethod} is not served here, expected one of ${list}`,
  );
  return new HttpFailure(405, failure, { allow: list });
}

/** Refuses a body that is larger than the limit. */
export function bodyTooLarge(bytesMax: number): HttpFailure {
  return new HttpFailure(413, new ServiceError('MESSAGE_TOO_LARGE', `Request body is larger than ${bytesMax} bytes`));
}

/** Refuses a body that is not of a type that is read here. */
export function unsupportedMediaType(problem: string): HttpFailure {
  const failure = new ServiceError('INVALID_REQUEST', `${problem}: send JSON with "content-type: application/json"`);
  return new HttpFailure(415, failure, { 'accept-post': 'application/json' });
}
