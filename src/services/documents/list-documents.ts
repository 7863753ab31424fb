import type {
  ListDocumentsRequest,
  ListDocumentsResponse,
} from '../../../gen/keelson/documents/v1/document_service.js';
import type { Documents } from '../../repositories/documents.js';
import type { CallContext } from '../../rpc/context.js';
import { pageSizeOf } from '../page-size.js';
import { toMessage } from './document-message.js';

/** Lists a page of the documents of a collection that meet a filter, in the order asked for, or of their names. */
export function createListDocuments(deps: { documents: Pick<Documents, 'list'> }) {
  return async function listDocuments(ctx: CallContext, request: ListDocumentsRequest): Promise<ListDocumentsResponse> {
    const { parent, pageToken, filter, orderBy } = request;
    const pageSize = pageSizeOf(request);
    const page = await deps.documents.list({ parent, pageSize, pageToken, filter, orderBy }, ctx);
    return { documents: page.resources.map(toMessage), nextPageToken: page.nextPageToken };
  };
}
