import type { Collection, GetCollectionRequest } from '../../../gen/keelson/documents/v1/collection_service.js';
import type { Collections } from '../../repositories/documents/collections.js';
import type { CallContext } from '../../rpc/context.js';
import { toMessage } from './collection-message.js';

/** Gets a declared collection. */
export function createGetCollection(deps: { collections: Pick<Collections, 'get'> }) {
  return async function getCollection(ctx: CallContext, { name }: GetCollectionRequest): Promise<Collection> {
    return toMessage(await deps.collections.get(name, ctx));
  };
}
