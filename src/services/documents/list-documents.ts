import type {
  ListDocumentsRequest,
  ListDocumentsResponse,
} from '../../../gen/keelson/documents/v1/document_service.js';
import type { Documents } from '../../repositories/documents.js';
import type { CallContext } from '../../rpc/context.js';
import { toMessage } from './document-message.js';

const PAGE_SIZE_DEFAULT = 50;
const PAGE_SIZE_MAX = 1000;

/** Lists a page of the documents of a collection that meet a filter, in the order asked for, or of their names. */
export function createListDocuments(deps: { documents: Pick<Documents, 'list'> }) {
  return async function listDocuments(ctx: CallContext, request: ListDocumentsRequest): Promise<ListDocumentsResponse> {
    const { parent, pageToken, filter, orderBy } = request;
    const pageSize = Math.min(request.pageSize || PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX);
    const page = await deps.documents.list({ parent, pageSize, pageToken, filter, orderBy }, ctx);
    return { documents: page.resources.map(toMessage), nextPageToken: page.nextPageToken };
  };
}
