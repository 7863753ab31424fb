import { CreateIndexRequest } from '../../../gen/keelson/documents/v1/collection_service.js';
import type { Operation } from '../../../gen/google/longrunning/operations.js';
import type { Indexes } from '../../repositories/documents/indexes.js';
import type { CallContext } from '../../rpc/context.js';
import { changeOptions } from '../change-request.js';
import { contentBelow } from '../content-below.js';
import type { OperationReader } from '../operations/operation-message.js';

export interface CreateIndexDeps {
  readonly indexes: Pick<Indexes, 'create'>;
  readonly operations: OperationReader;
  readonly onWork: () => void;
}

/** Declares an index, which is built in the background. */
export function createCreateIndex(deps: CreateIndexDeps) {
  return async function createIndex(ctx: CallContext, request: CreateIndexRequest): Promise<Operation> {
    const { parent, index, indexId, requestId } = request;
    const { orderBy = '', unique = false, sparse = false } = index ?? {};
    const encode = () => CreateIndexRequest.encode(request).finish();
    const options = changeOptions(ctx, { method: 'CreateIndex', requestId, encode });
    const creation = { parent, id: indexId, orderBy, unique, sparse };
    const name = await contentBelow('index', deps.indexes.create(creation, options));
    deps.onWork();
    return deps.operations.get(name, ctx);
  };
}
