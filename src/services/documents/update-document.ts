import { UpdateDocumentRequest, type Document } from '../../../gen/keelson/documents/v1/document_service.js';
import type { Documents } from '../../repositories/documents.js';
import type { CallContext } from '../../rpc/context.js';
import { changeOptions } from '../change-request.js';
import { contentBelow } from '../content-below.js';
import { readFields } from './document-fields.js';
import { toMessage } from './document-message.js';

/** Updates the fields of a document that the mask names; the whole content without a mask, or with `*`. */
export function createUpdateDocument(deps: { documents: Pick<Documents, 'update'> }) {
  return async function updateDocument(ctx: CallContext, request: UpdateDocumentRequest): Promise<Document> {
    const { document, updateMask = [], requestId } = request;
    const change = {
      name: document?.name ?? '',
      etag: document?.etag ?? '',
      content: { fields: readFields('document.fields', document?.fields) },
      mask: updateMask,
    };
    const encode = () => UpdateDocumentRequest.encode(request).finish();
    const options = changeOptions(ctx, { method: 'UpdateDocument', requestId, encode });
    return toMessage(await contentBelow('document', deps.documents.update(change, options)));
  };
}
