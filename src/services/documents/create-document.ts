import { CreateDocumentRequest, type Document } from '../../../gen/keelson/documents/v1/document_service.js';
import type { Documents } from '../../repositories/documents.js';
import type { CallContext } from '../../rpc/context.js';
import { changeOptions } from '../change-request.js';
import { contentBelow } from '../content-below.js';
import { readFields } from './document-fields.js';
import { toMessage } from './document-message.js';

/** Creates a document, with the caller's id or one that sorts by the time of creation. */
export function createCreateDocument(deps: { documents: Pick<Documents, 'create'> }) {
  return async function createDocument(ctx: CallContext, request: CreateDocumentRequest): Promise<Document> {
    const { parent, document, documentId, requestId } = request;
    const fields = readFields('document.fields', document?.fields);
    const encode = () => CreateDocumentRequest.encode(request).finish();
    const options = changeOptions(ctx, { method: 'CreateDocument', requestId, encode });
    const created = deps.documents.create({ parent, id: documentId, content: { fields } }, options);
    return toMessage(await contentBelow('document', created));
  };
}
