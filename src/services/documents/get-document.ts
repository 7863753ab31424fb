import type { Document, GetDocumentRequest } from '../../../gen/keelson/documents/v1/document_service.js';
import type { Documents } from '../../repositories/documents.js';
import type { CallContext } from '../../rpc/context.js';
import { toMessage } from './document-message.js';

/** Gets one document. */
export function createGetDocument(deps: { documents: Pick<Documents, 'get'> }) {
  return async function getDocument(ctx: CallContext, { name }: GetDocumentRequest): Promise<Document> {
    return toMessage(await deps.documents.get(name, ctx));
  };
}
