import type { DeleteIndexRequest } from '../../../gen/keelson/documents/v1/collection_service.js';
import type { Empty } from '../../../gen/google/protobuf/empty.js';
import type { Indexes } from '../../repositories/documents/indexes.js';
import type { CallContext } from '../../rpc/context.js';

/** Deletes an index. */
export function createDeleteIndex(deps: { indexes: Pick<Indexes, 'delete'>; onWork: () => void }) {
  return async function deleteIndex(ctx: CallContext, { name }: DeleteIndexRequest): Promise<Empty> {
    await deps.indexes.delete(name, { signal: ctx.signal, consistency: ctx.consistency });
    deps.onWork();
    return {};
  };
}
