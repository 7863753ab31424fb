import type {
  BatchGetDocumentsRequest,
  BatchGetDocumentsResponse,
} from '../../../gen/keelson/documents/v1/document_service.js';
import type { Documents } from '../../repositories/documents.js';
import type { CallContext } from '../../rpc/context.js';
import { toMessage } from './document-message.js';
import { assertInCollection } from './in-collection.js';
import { createMasked } from './read-mask.js';

/** Gets several documents as they are together at one revision. */
export function createBatchGetDocuments(deps: { documents: Pick<Documents, 'batchGet'> }) {
  return async function batchGetDocuments(
    ctx: CallContext,
    { parent, names, readMask }: BatchGetDocumentsRequest,
  ): Promise<BatchGetDocumentsResponse> {
    for (const [index, name] of names.entries()) assertInCollection(name, { parent, field: `names[${index}]` });
    const masked = createMasked(readMask);
    const documents = await deps.documents.batchGet(names, ctx);
    return { documents: documents.map((document) => toMessage(masked(document))) };
  };
}
