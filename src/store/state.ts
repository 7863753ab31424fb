import type { JsonObject } from './json-value.js';

/** A document of a collection as its last commit left it. */
export interface StateDocument {
  readonly collection: string;
  readonly id: string;
  readonly value: JsonObject;
  /** The commit that wrote this value. */
  readonly revision: number;
  /** The commit that created the document. It changes when the document is deleted and created again. */
  readonly createRevision: number;
  /** Milliseconds since 1970 of the creating commit. */
  readonly createTime: number;
  /** Milliseconds since 1970 of the last commit. */
  readonly updateTime: number;
}

/** What a document is to become at a revision: a value, or gone. */
export interface StateWrite {
  readonly collection: string;
  readonly id: string;
  readonly revision: number;
  readonly document: StateDocument | undefined;
}
