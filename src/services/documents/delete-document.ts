import { DeleteDocumentRequest } from '../../../gen/keelson/documents/v1/document_service.js';
import type { Empty } from '../../../gen/google/protobuf/empty.js';
import type { Documents } from '../../repositories/documents.js';
import type { CallContext } from '../../rpc/context.js';
import { changeOptions } from '../change-request.js';

/** Deletes a document. */
export function createDeleteDocument(deps: { documents: Pick<Documents, 'delete'> }) {
  return async function deleteDocument(ctx: CallContext, request: DeleteDocumentRequest): Promise<Empty> {
    const { name, etag, requestId } = request;
    const encode = () => DeleteDocumentRequest.encode(request).finish();
    await deps.documents.delete({ name, etag }, changeOptions(ctx, { method: 'DeleteDocument', requestId, encode }));
    return {};
  };
}
