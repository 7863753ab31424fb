import type {
  Document,
  QueryDocumentsRequest,
  QueryDocumentsResponse,
} from '../../../gen/keelson/documents/v1/document_service.js';
import { readProjection } from '../../repositories/documents/read-mask.js';
import type { Documents } from '../../repositories/documents.js';
import type { CallContext } from '../../rpc/context.js';
import { batchesOf } from './batches.js';
import { toMessage } from './document-message.js';

/** Finds documents as they are together at one revision. */
export function createQueryDocuments(deps: { documents: Pick<Documents, 'snapshot'> }) {
  return async function* queryDocuments(
    ctx: CallContext,
    { parent, filter, orderBy, readMask, limit }: QueryDocumentsRequest,
  ): AsyncGenerator<QueryDocumentsResponse> {
    const query = { parent, filter, orderBy, project: readProjection(readMask) };
    const snapshot = await deps.documents.snapshot(limit === 0n ? query : { ...query, limit: Number(limit) }, ctx);
    try {
      const revision = BigInt(snapshot.revision);
      let isFirst = true;
      for await (const documents of batchesOf(snapshot.documents())) {
        isFirst = false;
        yield { documents: documents.map(toMessage), revision };
      }
      if (isFirst) yield { documents: [] as Document[], revision };
    } finally {
      await snapshot.close();
    }
  };
}
