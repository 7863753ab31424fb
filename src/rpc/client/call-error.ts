import { BadRequest, ErrorInfo, RetryInfo } from '../../../gen/google/rpc/error_details.js';
import { Status } from '../../../gen/google/rpc/status.js';
import { codeName, type CodeName } from '../codes.js';
import type { FieldViolation } from '../errors.js';

const MS_PER_SECOND = 1000;
const NANOS_PER_MS = 1_000_000;

/** How a call failed, as a transport learns it. */
export interface CallFailure {
  readonly code: number;
  readonly message: string;
  /** An encoded google.rpc.Status. */
  readonly status?: Uint8Array | undefined;
  readonly requestId?: string | undefined;
  /** True when no server has said so: the connection failed, or the client gave up. */
  readonly isLocal?: boolean;
  readonly cause?: unknown;
}

/** A call that failed, as its client sees it, with the details that the server sent. */
export class CallError extends Error {
  override readonly name = 'CallError';
  readonly code: number;
  /** The stable reason from ErrorInfo (docs/errors.md). Undefined when the failure came from elsewhere, as the network. */
  readonly reason: string | undefined;
  readonly violations: readonly FieldViolation[];
  readonly retryDelayMs: number | undefined;
  /** The id under which the server logged the call. */
  readonly requestId: string | undefined;
  /** What the server sent as google.rpc.Status, encoded. */
  readonly status: Uint8Array | undefined;
  /** True when no server has said so: the connection failed, or the client gave up. */
  readonly isLocal: boolean;

  constructor({ code, message, status, requestId, isLocal = false, cause }: CallFailure) {
    super(message, { cause });
    const details = readDetails(status);
    this.code = code;
    this.reason = details.reason;
    this.violations = details.violations;
    this.retryDelayMs = details.retryDelayMs;
    this.requestId = requestId;
    this.status = status;
    this.isLocal = isLocal;
  }

  get codeName(): CodeName {
    return codeName(this.code);
  }
}

interface ReadDetails {
  reason: string | undefined;
  violations: readonly FieldViolation[];
  retryDelayMs: number | undefined;
}

/** Details that cannot be decoded are left out: the status itself must never be lost over them. */
function readDetails(bytes: Uint8Array | undefined): ReadDetails {
  const result: ReadDetails = { reason: undefined, violations: [], retryDelayMs: undefined };
  if (bytes === undefined) return result;
  try {
    for (const { typeUrl, value } of Status.decode(bytes).details) readDetail(result, typeUrl, value);
  } catch {
    return result;
  }
  return result;
}

function readDetail(result: ReadDetails, typeUrl: string, value: Buffer): void {
  switch (typeUrl.slice(typeUrl.lastIndexOf('/') + 1)) {
    case 'google.rpc.ErrorInfo':
      result.reason = ErrorInfo.decode(value).reason;
      break;
    case 'google.rpc.BadRequest':
      result.violations = BadRequest.decode(value).fieldViolations.map(({ field, description }) => ({
        field,
        description,
      }));
      break;
    case 'google.rpc.RetryInfo': {
      const delay = RetryInfo.decode(value).retryDelay;
      if (delay !== undefined) result.retryDelayMs = Number(delay.seconds) * MS_PER_SECOND + delay.nanos / NANOS_PER_MS;
      break;
    }
    default:
  }
}
