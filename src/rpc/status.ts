import { Any } from '../../gen/google/protobuf/any.js';
import { BadRequest, ErrorInfo, ResourceInfo, RetryInfo } from '../../gen/google/rpc/error_details.js';
import { Status } from '../../gen/google/rpc/status.js';
import { Code, codeName, type CodeName } from './codes.js';
import { REASONS, ServiceError, type FailureDetails } from './errors.js';

/** The domain of every ErrorInfo that this server makes. */
export const ERROR_DOMAIN = 'keelson';

/** Longer texts are cut: a status travels in HTTP/2 headers, which peers cap at 8 or 16 KiB in all. */
const MESSAGE_BYTES_MAX = 2048;
const MS_PER_SECOND = 1000;
const NANOS_PER_MS = 1_000_000;

/** What a failed call tells its caller, whatever the protocol. Holds nothing that a caller must not see. */
export class StatusError extends Error {
  override readonly name = 'StatusError';
  readonly code: Code;
  /** google.rpc details, ErrorInfo first. */
  readonly details: readonly Any[];

  constructor(code: Code, message: string, details: readonly Any[], options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.details = details;
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
    return new StatusError(Code.INTERNAL, `Internal error (request ${requestId})`, [info], { cause: err });
  }
  const details = [errorInfo(err.reason, err.details.metadata ?? {}), ...helpfulDetails(err.details)];
  return new StatusError(Code[REASONS[err.reason]], headerSafe(err.message), details, { cause: err.cause });
}

function errorInfo(reason: string, metadata: Readonly<Record<string, string>>): Any {
  const info = ErrorInfo.encode({ reason, domain: ERROR_DOMAIN, metadata: new Map(Object.entries(metadata)) });
  return anyOf('google.rpc.ErrorInfo', info.finish());
}

function helpfulDetails(details: FailureDetails): Any[] {
  const { violations, resource, retryDelayMs } = details;
  const result: Any[] = [];
  if (violations !== undefined) {
    const fieldViolations = violations.map((violation) => ({ ...violation, reason: '', localizedMessage: undefined }));
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

/** Makes a text safe for every transport: grpc-js throws on a lone surrogate, and cuts none that is too long. */
function headerSafe(text: string): string {
  const wellFormed = text.toWellFormed();
  if (Buffer.byteLength(wellFormed) <= MESSAGE_BYTES_MAX) return wellFormed;
  const cut = Buffer.from(wellFormed).subarray(0, MESSAGE_BYTES_MAX - 3);
  // A character that the cut has split decodes to U+FFFD at the end.
  return `${cut.toString('utf8').replace(/\uFFFD$/u, '')}…`;
}
