import { StoreError } from '../errors.js';
import type { StateDocument } from '../state.js';
import type { Condition, OrderField } from './condition.js';
import type { Place } from './order.js';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Documents that are looked at for one page. */
export const QUERY_EXAMINE_MAX = 5_000;

/**
 * Bytes of values that are looked at for one page, each counted once for every comparison: a filter of many comparisons
 * gets through fewer large documents. One document is always looked at.
 */
export const QUERY_WORK_BYTES_MAX = 64 * MIB;

/** Documents below one parent up to which an order without an index is allowed: all of them are looked at for a page. */
export const SORT_DOCUMENTS_MAX = 10_000;

/** The same, by the bytes of their values as JSON. */
export const SORT_BYTES_MAX = 64 * MIB;

/** An index: documents below one parent, in the order of these fields and then of their ids. */
export interface IndexDeclaration {
  readonly fields: readonly OrderField[];
}

export interface QueryRequest {
  readonly collection: string;
  /** Only documents whose id is this, which is empty or ends with a slash, and a part without slashes. */
  readonly parent: string;
  readonly condition: Condition;
  /** Ids decide between equals, in the direction of the last field. Empty for the order of ids. */
  readonly orderBy: readonly OrderField[];
  /** Only documents behind this place. */
  readonly after?: Place | undefined;
  /** Documents to find at most. */
  readonly limit: number;
  /** Documents to look at, at most. An order without an index looks at all of them, up to SORT_DOCUMENTS_MAX. */
  readonly examineMax: number;
  /** A revision that has been applied. */
  readonly at: number;
  readonly signal?: AbortSignal | undefined;
}

export interface FoundDocument {
  readonly document: StateDocument;
  /** Where it stands in the order; a later query can go on behind it. */
  readonly place: Place;
}

export interface QueryRead {
  readonly found: readonly FoundDocument[];
  /** Everything up to here was looked at; `undefined` if there is nothing behind. */
  readonly next: Place | undefined;
  /** Documents or keys of an index that were looked at. */
  readonly examined: number;
  /**
   * If `exact`, the state at this revision, which is `at` or later. If not, each document is as it was at some moment
   * between `at` and the end of the read: whoever knows what changed meanwhile has to put that in.
   */
  readonly revision: number;
  readonly exact: boolean;
}

/** Too many documents to put them into an order that no index has. */
export class OrderNeedsIndexError extends StoreError {
  readonly reason = 'ORDER_NEEDS_INDEX';
  override readonly name = 'OrderNeedsIndexError';

  constructor() {
    super(
      `needs an index that is not declared: more than ${SORT_DOCUMENTS_MAX} documents, or ${SORT_BYTES_MAX} bytes, would have to be put in order`,
    );
  }
}
