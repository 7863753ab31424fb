import { UpdateCollectionRequest, type Collection } from '../../../gen/keelson/documents/v1/collection_service.js';
import type { Collections } from '../../repositories/documents/collections.js';
import type { CallContext } from '../../rpc/context.js';
import { changeOptions } from '../change-request.js';
import { contentBelow } from '../content-below.js';
import { toContent, toMessage } from './collection-message.js';

/** Updates the settings of a collection that the mask names; all without a mask, or with `*`. */
export function createUpdateCollection(deps: { collections: Pick<Collections, 'update'> }) {
  return async function updateCollection(ctx: CallContext, request: UpdateCollectionRequest): Promise<Collection> {
    const { collection, updateMask = [], requestId } = request;
    const change = {
      name: collection?.name ?? '',
      etag: collection?.etag ?? '',
      content: toContent(collection),
      mask: updateMask,
    };
    const encode = () => UpdateCollectionRequest.encode(request).finish();
    const options = changeOptions(ctx, { method: 'UpdateCollection', requestId, encode });
    return toMessage(await contentBelow('collection', deps.collections.update(change, options)));
  };
}
