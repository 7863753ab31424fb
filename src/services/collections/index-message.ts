import { IndexState, type Index } from '../../../gen/keelson/documents/v1/collection_service.js';
import type { IndexRecord } from '../../repositories/documents/settings.js';

/** Turns an index of a collection into what its contract promises. */
export function toIndexMessage(parent: string, { id, orderBy, unique, sparse, state }: IndexRecord): Index {
  return {
    name: `${parent}/indexes/${id}`,
    orderBy,
    unique,
    sparse,
    state: state === 'ready' ? IndexState.INDEX_STATE_READY : IndexState.INDEX_STATE_BUILDING,
  };
}
