import type {
  ListCollectionsRequest,
  ListCollectionsResponse,
} from '../../../gen/keelson/documents/v1/collection_service.js';
import type { Collections } from '../../repositories/documents/collections.js';
import type { CallContext } from '../../rpc/context.js';
import { toMessage } from './collection-message.js';

const PAGE_SIZE_DEFAULT = 50;
const PAGE_SIZE_MAX = 1000;

/** Lists a page of the declared collections. */
export function createListCollections(deps: { collections: Pick<Collections, 'list'> }) {
  return async function listCollections(
    ctx: CallContext,
    request: ListCollectionsRequest,
  ): Promise<ListCollectionsResponse> {
    const pageSize = Math.min(request.pageSize || PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX);
    const page = await deps.collections.list({ parent: '', pageSize, pageToken: request.pageToken }, ctx);
    return { collections: page.resources.map(toMessage), nextPageToken: page.nextPageToken };
  };
}
