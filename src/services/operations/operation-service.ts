import {
  OperationsDefinition,
  type CancelOperationRequest,
  type DeleteOperationRequest,
  type GetOperationRequest,
  type ListOperationsRequest,
  type ListOperationsResponse,
  type Operation,
  type WaitOperationRequest,
} from '../../../gen/google/longrunning/operations.js';
import { Idempotency } from '../../../gen/keelson/options/v1/options.js';
import type { Empty } from '../../../gen/google/protobuf/empty.js';
import type { Indexes } from '../../repositories/documents/indexes.js';
import type { Operations } from '../../repositories/documents/operations.js';
import { translating } from '../../repositories/translate-errors.js';
import type { CallContext } from '../../rpc/context.js';
import { invalidRequest } from '../../rpc/errors.js';
import { implementService, type ServiceImplementation } from '../../rpc/service.js';
import { toOperationMessage } from './operation-message.js';
import { pageSizeOf } from '../page-size.js';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const NANOS_PER_MS = 1_000_000;

export interface OperationServiceDeps {
  readonly operations: Operations;
  readonly indexes: Pick<Indexes, 'cancel'>;
  readonly onWork: () => void;
}

/**
 * Serves `google.longrunning.Operations`, whose contract is not ours and states no policy: one permission for all of its
 * calls, on the name of the operation.
 */
export function createOperationService(deps: OperationServiceDeps): ServiceImplementation {
  return implementService(
    OperationsDefinition,
    {
      listOperations: translating(createListOperations(deps)),
      getOperation: translating(createGetOperation(deps)),
      deleteOperation: translating(createDeleteOperation(deps)),
      cancelOperation: translating(createCancelOperation(deps)),
      waitOperation: translating(createWaitOperation(deps)),
    },
    {
      policy: {
        access: { kind: 'permission', name: 'documents.operations.use', resource: 'name', collection: '' },
        deadlineDefaultMs: MINUTE_MS,
        deadlineMaxMs: 10 * MINUTE_MS,
        idempotency: Idempotency.IDEMPOTENCY_NOT_IDEMPOTENT,
      },
    },
  );
}

function createListOperations({ operations }: OperationServiceDeps) {
  return async (ctx: CallContext, request: ListOperationsRequest): Promise<ListOperationsResponse> => {
    const { name, filter, pageToken } = request;
    const pageSize = pageSizeOf({ pageSize: Math.max(0, request.pageSize) });
    if (filter !== '') throw invalidRequest([{ field: 'filter', description: 'must be empty: all are listed' }]);
    const page = await operations.list({ under: name, pageSize, pageToken }, ctx);
    return { operations: page.resources.map(toOperationMessage), nextPageToken: page.nextPageToken, unreachable: [] };
  };
}

function createGetOperation({ operations }: OperationServiceDeps) {
  return async (ctx: CallContext, { name }: GetOperationRequest): Promise<Operation> =>
    toOperationMessage(await operations.get(name, ctx));
}

function createDeleteOperation({ operations }: OperationServiceDeps) {
  return async (ctx: CallContext, { name }: DeleteOperationRequest): Promise<Empty> => {
    await operations.forget(name, ctx);
    return {};
  };
}

function createCancelOperation({ indexes, onWork }: OperationServiceDeps) {
  return async (ctx: CallContext, { name }: CancelOperationRequest): Promise<Empty> => {
    await indexes.cancel(name, { signal: ctx.signal, consistency: ctx.consistency });
    onWork();
    return {};
  };
}

/** Waits for the end, for the timeout of the request, or for a second less than the call has left. */
function createWaitOperation({ operations }: OperationServiceDeps) {
  return async (ctx: CallContext, { name, timeout }: WaitOperationRequest): Promise<Operation> => {
    const wantedMs =
      timeout === undefined ? Infinity : Number(timeout.seconds) * SECOND_MS + timeout.nanos / NANOS_PER_MS;
    const waitMs = Math.max(0, Math.min(wantedMs, ctx.remainingMs() - SECOND_MS));
    return toOperationMessage(await operations.wait(name, waitMs, ctx));
  };
}
