import { Any } from '../../gen/google/protobuf/any.js';
import { BadRequest, ErrorInfo, ResourceInfo, RetryInfo } from '../../gen/google/rpc/error_details.js';
import { Status } from '../../gen/google/rpc/status.js';
import { Code, codeName, type CodeName } from './codes.js';
import { REASONS, ServiceError, type FailureDetails } from './errors.js';

/** The domain of every ErrorInfo that this server makes. */
export const ERROR_DOMAIN = 'keelson';

/** Longer texts are cut: a status travels in HTTP/2 headers, which peers cap at 8 or 16 KiB in all. */
const MESSAGE_BYTES_MAX = 2048;
const DETAIL_BYTES_MAX = 4096;
const METADATA_BYTES_MAX = 512;
const VIOLATIONS_MAX = 32;
const MS_PER_SECOND = 1000;
const NANOS_PER_MS = 1_000_000;

interface StatusErrorOptions extends ErrorOptions {
  readonly reason?: string | undefined;
  readonly retryDelayMs?: number | undefined;
}

/** What a failed call tells its caller, whatever the protocol. Holds nothing that a caller must not see. */
export class StatusError extends Error {
  override readonly name = 'StatusError';
  readonly code: Code;
  /** google.rpc details, ErrorInfo first. */
  readonly details: readonly Any[];
  /** What RetryInfo says, where it is among the details. */
  readonly retryDelayMs: number | undefined;
  /** What ErrorInfo says, where it is among the details. */
  readonly reason: string | undefined;

  constructor(code: Code, message: string, details: readonly Any[], options: StatusErrorOptions = {}) {
    super(message, options);
    this.code = code;
    this.details = details;
    this.retryDelayMs = options.retryDelayMs;
    this.reason = options.reason;
  }

  get codeName(): CodeName {
    return codeName(this.code);
  }

  /** Encodes the failure as google.rpc.Status, which travels in `grpc-status-details-bin`. */
  toBytes(): Uint8Array {
    return Status.encode({ code: this.code, message: this.message, details: [...this.details] }).finish();
  }
}

/**
 * Turns whatever was thrown into what the caller may see. Everything but a {@link ServiceError} becomes INTERNAL with
 * fixed text and the request id, under which the log has the cause.
 */
export function toStatusError(err: unknown, requestId: string): StatusError {
  if (err instanceof StatusError) return err;
  if (!(err instanceof ServiceError)) {
    const info = errorInfo('INTERNAL', { requestId });
    return new StatusError(Code.INTERNAL, `Internal error (request ${requestId})`, [info], {
      cause: err,
      reason: 'INTERNAL',
    });
  }
  const { retryDelayMs } = err.details;
  const details = withinLimit([errorInfo(err.reason, err.details.metadata ?? {}), ...helpfulDetails(err.details)]);
  return new StatusError(Code[REASONS[err.reason]], shorten(err.message, MESSAGE_BYTES_MAX), details, {
    cause: err.cause,
    retryDelayMs,
    reason: err.reason,
  });
}

/** Makes a status of parts, for who has no {@link ServiceError}: a reason may be any, and none is there where it is left out. */
export function statusOf(
  code: Code,
  message: string,
  { reason, retryDelayMs }: { readonly reason?: string | undefined; readonly retryDelayMs?: number | undefined },
): StatusError {
  const info = reason === undefined ? [] : [errorInfo(reason, {})];
  const details = [...info, ...helpfulDetails(retryDelayMs === undefined ? {} : { retryDelayMs })];
  return new StatusError(code, message, details, { reason, retryDelayMs });
}

function errorInfo(reason: string, metadata: Readonly<Record<string, string>>): Any {
  const short = Object.entries(metadata).map(([key, value]) => [key, shorten(value, METADATA_BYTES_MAX)] as const);
  const info = ErrorInfo.encode({ reason, domain: ERROR_DOMAIN, metadata: new Map(short) });
  return anyOf('google.rpc.ErrorInfo', info.finish());
}

function helpfulDetails(details: FailureDetails): Any[] {
  const { violations, resource, retryDelayMs } = details;
  const result: Any[] = [];
  if (violations !== undefined) {
    const fieldViolations = violations.slice(0, VIOLATIONS_MAX).map(({ field, description }) => ({
      field: shorten(field, METADATA_BYTES_MAX),
      description: shorten(description, METADATA_BYTES_MAX),
      reason: '',
      localizedMessage: undefined,
    }));
    result.push(anyOf('google.rpc.BadRequest', BadRequest.encode({ fieldViolations }).finish()));
  }
  if (resource !== undefined) {
    const info = { resourceType: resource.type, resourceName: resource.name, owner: '', description: '' };
    result.push(anyOf('google.rpc.ResourceInfo', ResourceInfo.encode(info).finish()));
  }
  if (retryDelayMs !== undefined) {
    result.push(anyOf('google.rpc.RetryInfo', RetryInfo.encode({ retryDelay: toDuration(retryDelayMs) }).finish()));
  }
  return result;
}

function toDuration(ms: number): { seconds: bigint; nanos: number } {
  return { seconds: BigInt(Math.floor(ms / MS_PER_SECOND)), nanos: Math.round(ms % MS_PER_SECOND) * NANOS_PER_MS };
}

function anyOf(typeName: string, value: Uint8Array): Any {
  return { typeUrl: `type.googleapis.com/${typeName}`, value: Buffer.from(value) };
}

/** Keeps the details together within what headers can carry; those at the end, which are there to help, go first. */
function withinLimit(details: readonly Any[]): Any[] {
  let bytes = 0;
  return details.filter(({ value }, index) => {
    bytes += value.byteLength;
    return index === 0 || bytes <= DETAIL_BYTES_MAX;
  });
}

/** Makes a text safe for every transport: well-formed, and not longer than so many bytes. */
function shorten(text: string, bytesMax: number): string {
  const wellFormed = text.toWellFormed();
  if (Buffer.byteLength(wellFormed) <= bytesMax) return wellFormed;
  const cut = Buffer.from(wellFormed).subarray(0, bytesMax - 3);
  // A character that the cut has split decodes to U+FFFD at the end.
  return `${cut.toString('utf8').replace(/\uFFFD$/u, '')}…`;
}
