import type {
  CountDocumentsRequest,
  CountDocumentsResponse,
} from '../../../gen/keelson/documents/v1/document_service.js';
import type { Documents } from '../../repositories/documents.js';
import type { CallContext } from '../../rpc/context.js';

/** Counts documents at one revision. */
export function createCountDocuments(deps: { documents: Pick<Documents, 'snapshot'> }) {
  return async function countDocuments(
    ctx: CallContext,
    { parent, filter }: CountDocumentsRequest,
  ): Promise<CountDocumentsResponse> {
    const snapshot = await deps.documents.snapshot({ parent, filter, orderBy: '', project: () => ({}) }, ctx);
    try {
      let count = 0n;
      for await (const _ of snapshot.documents()) count += 1n;
      return { count, revision: BigInt(snapshot.revision) };
    } finally {
      await snapshot.close();
    }
  };
}
