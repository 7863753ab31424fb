import {
  CommitTooLargeError,
  ContendedError,
  FutureRevisionError,
  LedgerClosedError,
  LedgerOverloadedError,
  RequestIdReusedError,
} from '../ledger/errors.js';
import { ResourceError, type ResourceFailure } from './errors.js';
import { FieldMaskError } from './field-mask.js';
import { FilterError } from './filter/filter-error.js';
import { OrderByError } from './order-by.js';
import { PageTokenError } from './page-token.js';
import { UnstorableValueError } from './stored-json.js';
import type { CallContext } from '../rpc/context.js';
import { invalidRequest, ServiceError, type FieldViolation, type Reason } from '../rpc/errors.js';
import { StoreBrokenError, StoreClosedError, StoreFailedError } from '../store/errors.js';
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

/** Gives what is not known back as it is, which the pipeline turns into INTERNAL. */
export function toServiceError(err: unknown): unknown {
  if (err instanceof ResourceError) return fromResource(err);
  const violation = toViolation(err);
  if (violation !== undefined) return invalidRequest([violation]);
  if (err instanceof RequestIdReusedError) {
    return new ServiceError(
      'REQUEST_ID_REUSED',
      'Cannot repeat the call: its request_id was used for a different request',
    );
  }
  if (err instanceof FutureRevisionError) return new ServiceError('REVISION_AHEAD', err.message);
  return fromAvailability(err);
}

/** What a field of the request is at fault for; standard methods give their fields these names. */
function toViolation(err: unknown): FieldViolation | undefined {
  if (err instanceof FieldMaskError) return { field: 'update_mask', description: err.message };
  if (err instanceof PageTokenError) return { field: 'page_token', description: err.message };
  if (err instanceof FilterError) return { field: 'filter', description: err.message };
  if (err instanceof OrderByError || err instanceof OrderNeedsIndexError)
    return { field: 'order_by', description: err.message };
  if (err instanceof UnstorableValueError) return { field: err.path, description: err.message };
  if (err instanceof CommitTooLargeError) return { field: '', description: err.message };
  return undefined;
}

function fromResource({ failure, message, resourceType, resourceName }: ResourceError): ServiceError {
  return new ServiceError(RESOURCE_REASONS[failure], message, {
    metadata: { resource: resourceName },
    resource: { type: resourceType, name: resourceName },
  });
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
  if (err instanceof StoreFailedError || err instanceof StoreBrokenError) {
    return new ServiceError('STORE_UNAVAILABLE', 'The database cannot be used', retry, cause);
  }
  return err;
}
