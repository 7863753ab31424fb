import type {
  ListCollectionsRequest,
  ListCollectionsResponse,
} from '../../../gen/keelson/documents/v1/collection_service.js';
import type { Collections } from '../../repositories/documents/collections.js';
import type { CallContext } from '../../rpc/context.js';
import { pageSizeOf } from '../page-size.js';
import { toMessage } from './collection-message.js';

/** Lists a page of the declared collections. */
export function createListCollections(deps: { collections: Pick<Collections, 'list'> }) {
  return async function listCollections(
    ctx: CallContext,
    request: ListCollectionsRequest,
  ): Promise<ListCollectionsResponse> {
    const pageSize = pageSizeOf(request);
    const page = await deps.collections.list({ parent: '', pageSize, pageToken: request.pageToken }, ctx);
    return { collections: page.resources.map(toMessage), nextPageToken: page.nextPageToken };
  };
}
