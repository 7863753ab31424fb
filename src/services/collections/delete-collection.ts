import type { DeleteCollectionRequest } from '../../../gen/keelson/documents/v1/collection_service.js';
import type { Empty } from '../../../gen/google/protobuf/empty.js';
import { deleteCollection, type DeleteCollectionDeps } from '../../repositories/documents/delete-collection.js';
import type { CallContext } from '../../rpc/context.js';

/** Deletes a declared collection, and with `force` its documents. */
export function createDeleteCollection(deps: DeleteCollectionDeps & { readonly onWork: () => void }) {
  return async function (ctx: CallContext, { name, etag, force }: DeleteCollectionRequest): Promise<Empty> {
    await deleteCollection(deps, { name, etag, force }, { signal: ctx.signal, consistency: ctx.consistency });
    deps.onWork();
    return {};
  };
}
