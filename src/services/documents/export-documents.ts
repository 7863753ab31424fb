import type {
  ExportDocumentsRequest,
  ExportDocumentsResponse,
} from '../../../gen/keelson/documents/v1/document_service.js';
import type { Documents } from '../../repositories/documents.js';
import type { CallContext } from '../../rpc/context.js';
import { batchesOf } from './batches.js';

/** Gives all documents of a collection as they are together at one revision. */
export function createExportDocuments(deps: { documents: Pick<Documents, 'snapshot'> }) {
  return async function* exportDocuments(
    ctx: CallContext,
    { parent, filter }: ExportDocumentsRequest,
  ): AsyncGenerator<ExportDocumentsResponse> {
    const snapshot = await deps.documents.snapshot({ parent, filter, orderBy: '' }, ctx);
    try {
      const revision = BigInt(snapshot.revision);
      // The first answer tells how much is to come.
      yield { items: [], revision, documentCount: BigInt(snapshot.count) };
      for await (const documents of batchesOf(snapshot.documents())) {
        const items = documents.map(({ name, fields }) => ({
          documentId: name.slice(name.lastIndexOf('/') + 1),
          content: { $case: 'json', value: JSON.stringify(fields) } as const,
        }));
        yield { items, revision, documentCount: 0n };
      }
    } finally {
      await snapshot.close();
    }
  };
}
