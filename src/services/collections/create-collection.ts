import { CreateCollectionRequest, type Collection } from '../../../gen/keelson/documents/v1/collection_service.js';
import type { Collections } from '../../repositories/documents/collections.js';
import type { CallContext } from '../../rpc/context.js';
import { changeOptions } from '../change-request.js';
import { contentBelow } from '../content-below.js';
import { toContent, toMessage } from './collection-message.js';

/** Declares a collection. */
export function createCreateCollection(deps: { collections: Pick<Collections, 'create'> }) {
  return async function createCollection(ctx: CallContext, request: CreateCollectionRequest): Promise<Collection> {
    const { collection, collectionId, requestId } = request;
    const encode = () => CreateCollectionRequest.encode(request).finish();
    const options = changeOptions(ctx, { method: 'CreateCollection', requestId, encode });
    // The pattern of these names begins with the word.
    const creation = { parent: '', id: collectionId, content: toContent(collection) };
    return toMessage(await contentBelow('collection', deps.collections.create(creation, options)));
  };
}
