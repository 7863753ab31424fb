import type { ListIndexesRequest, ListIndexesResponse } from '../../../gen/keelson/documents/v1/collection_service.js';
import type { Indexes } from '../../repositories/documents/indexes.js';
import type { CallContext } from '../../rpc/context.js';
import { toIndexMessage } from './index-message.js';

/** Lists the indexes of a collection, which fit into one page. */
export function createListIndexes(deps: { indexes: Pick<Indexes, 'list'> }) {
  return async function listIndexes(ctx: CallContext, { parent }: ListIndexesRequest): Promise<ListIndexesResponse> {
    const indexes = await deps.indexes.list(parent, ctx);
    return { indexes: indexes.map((index) => toIndexMessage(parent, index)), nextPageToken: '' };
  };
}
