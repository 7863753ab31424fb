import { failingAs } from '../async/failing-as.js';
import {
  CommitTooLargeError,
  ContendedError,
  FutureRevisionError,
  InvalidLedgerInputError,
  LedgerClosedError,
  LedgerOverloadedError,
  RequestIdReusedError,
  RevisionOutOfRangeError,
} from '../ledger/errors.js';
import {
  CollectionNotEmptyError,
  ContentError,
  SnapshotError,
  UniqueConflictError,
  WriteRefusedError,
} from './documents/errors.js';
import { ResumeTokenError } from './documents/document-watches.js';
import { ImmutableFieldError, ResourceError, type ResourceFailure } from './errors.js';
import { FieldMaskError } from './field-mask.js';
import { FilterError } from './filter/filter-error.js';
import { OrderByError } from './order-by.js';
import { PageTokenError } from './page-token.js';
import { UnstorableValueError } from './stored-json.js';
import type { CallContext } from '../rpc/context.js';
import { invalidRequest, ServiceError, type FieldViolation, type Reason } from '../rpc/errors.js';
import { StoreBrokenError, StoreClosedError, StoreFailedError, StoreReplacedError } from '../store/errors.js';
import { OrderNeedsIndexError } from '../store/query/query.js';

const RETRY_DELAY_MS = 200;

const RESOURCE_REASONS = {
  'not-found': 'RESOURCE_NOT_FOUND',
  exists: 'RESOURCE_EXISTS',
  'etag-mismatch': 'ETAG_MISMATCH',
} as const satisfies Record<ResourceFailure, Reason>;

/** Wraps a unary handler so that what repositories, ledger and store refuse reaches the caller in the words of REASONS. */
export function translating<Req, Res>(handler: (ctx: CallContext, request: Req) => Promise<Res>) {
  return async (ctx: CallContext, request: Req): Promise<Res> => {
    try {
      return await handler(ctx, request);
    } catch (err) {
      throw toServiceError(err);
    }
  };
}

/** The same for a handler that answers with a stream. */
export function translatingStream<Req, Res>(handler: (ctx: CallContext, request: Req) => AsyncIterable<Res>) {
  return (ctx: CallContext, request: Req): AsyncIterable<Res> => failingAs(handler(ctx, request), toServiceError);
}

/** The same for a handler that takes a stream. */
export function translatingRequests<Req, Res>(
  handler: (ctx: CallContext, requests: AsyncIterable<Req>) => Promise<Res>,
) {
  return translating<AsyncIterable<Req>, Res>(handler);
}

/** Under which reason one document of an import is refused; `undefined` for what is not its fault. */
export function refusalReason(err: unknown): { readonly reason: string; readonly problem: string } | undefined {
  const translated = toServiceError(err);
  if (!(translated instanceof ServiceError) || !ITEM_REASONS.includes(translated.reason)) return undefined;
  return { reason: translated.reason, problem: translated.message };
}

const ITEM_REASONS: readonly Reason[] = ['INVALID_REQUEST', 'RESOURCE_EXISTS', 'UNIQUE_CONFLICT'];

/** Gives what is not known back as it is, which the pipeline turns into INTERNAL. */
export function toServiceError(err: unknown): unknown {
  if (err instanceof ResourceError) return fromResource(err);
  const violations = toViolations(err);
  if (violations !== undefined) return invalidRequest(violations);
  if (err instanceof RequestIdReusedError) {
    return new ServiceError(
      'REQUEST_ID_REUSED',
      'Cannot repeat the call: its request_id was used for a different request',
    );
  }
  return fromDocuments(err) ?? fromAvailability(err);
}

function toViolations(err: unknown): readonly FieldViolation[] | undefined {
  if (err instanceof ContentError)
    return err.violations.map(({ path, problem }) => ({ field: path, description: problem }));
  const violation = toViolation(err);
  return violation && [violation];
}

/** What a field of the request is at fault for; standard methods give their fields these names. */
function toViolation(err: unknown): FieldViolation | undefined {
  if (err instanceof FieldMaskError) return { field: err.field, description: err.message };
  if (err instanceof PageTokenError) return { field: 'page_token', description: err.message };
  if (err instanceof ResumeTokenError) return { field: 'resume_token', description: err.message };
  if (err instanceof FilterError) return { field: 'filter', description: err.message };
  if (err instanceof OrderByError || err instanceof OrderNeedsIndexError)
    return { field: 'order_by', description: err.message };
  if (err instanceof UnstorableValueError || err instanceof ImmutableFieldError)
    return { field: err.path, description: err.message };
  if (err instanceof CommitTooLargeError || err instanceof InvalidLedgerInputError)
    return { field: '', description: err.message };
  return undefined;
}

function fromResource({ failure, message, resourceType, resourceName }: ResourceError): ServiceError {
  return new ServiceError(RESOURCE_REASONS[failure], message, {
    metadata: { resource: resourceName },
    resource: { type: resourceType, name: resourceName },
  });
}

/** What documents and their collections refuse beyond what all resources do. */
function fromDocuments(err: unknown): ServiceError | undefined {
  if (err instanceof WriteRefusedError) return fromWrite(err);
  if (err instanceof UniqueConflictError)
    return new ServiceError('UNIQUE_CONFLICT', err.message, { metadata: { index: err.index } });
  if (err instanceof CollectionNotEmptyError)
    return new ServiceError('COLLECTION_NOT_EMPTY', err.message, { metadata: { resource: err.collection } });
  if (err instanceof SnapshotError) {
    return err.failure === 'overtaken'
      ? new ServiceError('SNAPSHOT_OVERTAKEN', err.message, { retryDelayMs: RETRY_DELAY_MS })
      : new ServiceError('SNAPSHOT_TOO_LARGE', err.message);
  }
  if (err instanceof RevisionOutOfRangeError)
    return new ServiceError('REVISION_OUT_OF_RANGE', err.message, { metadata: { oldest: String(err.oldest) } });
  return err instanceof FutureRevisionError ? new ServiceError('REVISION_AHEAD', err.message) : undefined;
}

/** The refusal of one write among several says which it is. */
function fromWrite({ position, cause }: WriteRefusedError): ServiceError | undefined {
  const translated = toServiceError(cause instanceof ContentError ? cause.below(`writes[${position}].update`) : cause);
  if (!(translated instanceof ServiceError)) return undefined;
  const { reason, message, details } = translated;
  return new ServiceError(reason, message, { ...details, metadata: { ...details.metadata, write: String(position) } });
}

/** What may go better later, or on another replica. */
function fromAvailability(err: unknown): unknown {
  const retry = { retryDelayMs: RETRY_DELAY_MS };
  const cause = { cause: err };
  if (err instanceof ContendedError) {
    return new ServiceError('CONTENTION', 'Cannot commit: others change the same resource all the time', retry, cause);
  }
  if (err instanceof LedgerOverloadedError) {
    return new ServiceError('OVERLOADED', 'Cannot commit: too many changes wait already', retry, cause);
  }
  if (err instanceof LedgerClosedError || err instanceof StoreClosedError) {
    return new ServiceError('SERVER_DRAINING', 'Server is shutting down', retry, cause);
  }
  if ([StoreFailedError, StoreBrokenError, StoreReplacedError].some((type) => err instanceof type)) {
    return new ServiceError('STORE_UNAVAILABLE', 'The database cannot be used', retry, cause);
  }
  return err;
}
