import { comparePlaces, placeOf, type Place } from './order.js';
import type { Predicate } from './predicate.js';
import { OrderNeedsIndexError, SORT_BYTES_MAX, SORT_DOCUMENTS_MAX, type QueryRequest } from './query.js';
import type { StateDocument } from '../state.js';

/** Puts documents in an order that no index has, keeping only their places. */
export interface Sorter {
  /** Takes a document and the bytes of its value. Throws OrderNeedsIndexError if there are too many. */
  add(document: StateDocument, bytes: number): void;
  /** The places of the first documents behind `after`, one more than `limit` if there are more. */
  first(): readonly Place[];
  readonly examined: () => number;
}

export function createSorter(request: Pick<QueryRequest, 'orderBy' | 'after' | 'limit'>, matches: Predicate): Sorter {
  const { orderBy, after, limit } = request;
  const places: Place[] = [];
  let examined = 0;
  let bytesLeft = SORT_BYTES_MAX;
  return {
    add: (document, bytes) => {
      examined += 1;
      bytesLeft -= bytes;
      if (examined > SORT_DOCUMENTS_MAX || bytesLeft < 0) throw new OrderNeedsIndexError();
      if (!matches(document)) return;
      const place = placeOf(document, orderBy);
      if (after === undefined || comparePlaces(place, after, orderBy) > 0) places.push(place);
    },
    first: () => places.sort((a, b) => comparePlaces(a, b, orderBy)).slice(0, limit + 1),
    examined: () => examined,
  };
}
