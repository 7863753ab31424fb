import type { CommitRequest } from '../store/entry.js';
import type { JsonObject } from '../store/json-value.js';
import type { StateDocument } from '../store/state.js';

/**
 * What has to be true of a document just before the commit: it is there, it is not, a certain commit wrote it last, or it
 * has exactly this value, whoever wrote it.
 */
export type Precondition = 'exists' | 'absent' | { readonly revision: number } | { readonly value: JsonObject };

/** A change to one document. */
export type Write = Put | Delete;

/** Makes a document, or replaces its whole value. */
export interface Put {
  readonly kind: 'put';
  readonly collection: string;
  readonly id: string;
  readonly value: JsonObject;
  /**
   * The value as JSON.stringify writes it, from whoever has just parsed it from this text and gives it away: it is taken as
   * it is. A value without it is checked and copied.
   */
  readonly json?: string | undefined;
  readonly precondition?: Precondition;
}

/** Removes a document. Removing one that is not there succeeds, unless a precondition says otherwise. */
export interface Delete {
  readonly kind: 'delete';
  readonly collection: string;
  readonly id: string;
  readonly precondition?: Precondition;
}

/** A precondition on a document that the commit does not write. */
export interface Check {
  readonly collection: string;
  readonly id: string;
  readonly precondition: Precondition;
}

/** One atomic change: all of it takes effect at one revision, or none of it. A document stands in it at most once. */
export interface CommitInput {
  readonly writes: readonly Write[];
  readonly checks?: readonly Check[];
  /** With it, a repeat within 24 hours gives the first result and changes nothing. */
  readonly request?: CommitRequest;
}

export interface CommitResult {
  /** Where the commit stands. For one that writes nothing and has no request, the revision its checks were judged at. */
  readonly revision: number;
  /** Milliseconds since 1970; never less than that of an earlier revision. */
  readonly time: number;
  /** For each write, in order, the document as it left it; `undefined` for a delete. */
  readonly documents: readonly (StateDocument | undefined)[];
  /** Whether this is the result of an earlier commit with the same request. */
  readonly replayed: boolean;
}
