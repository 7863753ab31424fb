import type { IndexDeclaration } from './query/query.js';
import type { StateDocument } from './state.js';

/** What to look for in a database. */
export interface InspectionRequest {
  /** The indexes that a release declares. Those of collections that are not there yet are not missed. */
  readonly indexes: readonly { readonly collection: string; readonly indexes: readonly IndexDeclaration[] }[];
  /** A document to read. */
  readonly document: { readonly collection: string; readonly id: string };
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** What a look at a database tells; it changes nothing there. */
export interface Inspection {
  /** Undefined where no server keeps it. */
  readonly server: InspectedServer | undefined;
  /** Indexes that are declared, or that the engine itself needs, and are not there. */
  readonly missingIndexes: readonly MissingIndex[];
  readonly document: StateDocument | undefined;
}

export interface MissingIndex {
  readonly collection: string;
  /** What it has in order, as its declaration says it or as the engine calls it. */
  readonly index: string;
}

export interface InspectedServer {
  readonly version: string;
  /** By how much its clock is ahead of this process's, in milliseconds. Undefined where it does not tell the time. */
  readonly aheadMs: number | undefined;
  /** A server alone loses what only it has. */
  readonly isReplicaSet: boolean;
}
