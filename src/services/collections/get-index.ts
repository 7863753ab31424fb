import type { GetIndexRequest, Index } from '../../../gen/keelson/documents/v1/collection_service.js';
import { splitIndexName, type Indexes } from '../../repositories/documents/indexes.js';
import type { CallContext } from '../../rpc/context.js';
import { toIndexMessage } from './index-message.js';

/** Gets an index. */
export function createGetIndex(deps: { indexes: Pick<Indexes, 'get'> }) {
  return async function getIndex(ctx: CallContext, { name }: GetIndexRequest): Promise<Index> {
    return toIndexMessage(splitIndexName(name).parent, await deps.indexes.get(name, ctx));
  };
}
