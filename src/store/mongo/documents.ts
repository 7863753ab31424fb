import type { Entry } from '../entry.js';
import type { JsonObject } from '../json-value.js';
import { parentOf } from '../query/field-value.js';
import type { StateDocument, StateWrite } from '../state.js';
import type { FollowerPosition, Position } from '../store.js';
import { escapeKeys, unescapeKeys } from './key-escape.js';

/** How an entry lies in `keelson_entries`: under its first revision, so that the unique key is the compare-and-swap. */
export interface StoredEntry extends Omit<Entry, 'first'> {
  readonly _id: number;
}

/** How a document lies in its collection. */
export interface LiveDocument {
  readonly _id: string;
  /** The id before its last part, for indexes below one parent. */
  readonly parent: string;
  readonly value?: JsonObject;
  readonly revision: number;
  readonly createRevision: number;
  readonly createTime: Date;
  readonly updateTime: Date;
}

/** What stays of a deleted document for a while, so that an older write that comes late is told from a new one. */
export interface Tombstone {
  readonly _id: string;
  readonly revision: number;
  /** The same number under a name of its own, for an index of tombstones only. */
  readonly deletedRevision: number;
}

export type StoredDocument = LiveDocument | Tombstone;

/** A position that all processes share: `applied` or `floor`. */
export interface StoredPosition extends Position {
  readonly _id: string;
}

/** The one document that says whose database this is. */
export interface DatabaseMark {
  readonly _id: string;
  readonly databaseId: string;
  readonly format: number;
}

export interface StoredFollower extends Omit<FollowerPosition, 'name'> {
  readonly _id: string;
}

export function toStoredEntry({ first, ...rest }: Entry): StoredEntry {
  return { _id: first, ...rest };
}

export function toEntry({ _id, last, time, batchId, previousHash, hash, body }: StoredEntry): Entry {
  return { first: _id, last, time, batchId, previousHash, hash, body };
}

export function toPosition({ revision, hash, time }: StoredPosition): Position {
  return { revision, hash, time };
}

export function toStoredDocument({ id, revision, document }: StateWrite): StoredDocument {
  if (!document) return { _id: id, revision, deletedRevision: revision };
  const { value, createRevision, createTime, updateTime } = document;
  return {
    _id: id,
    parent: parentOf(id),
    value: escapeKeys(value),
    revision,
    createRevision,
    createTime: new Date(createTime),
    updateTime: new Date(updateTime),
  };
}

export function toStateDocument(collection: string, stored: StoredDocument): StateDocument | undefined {
  if (isTombstone(stored)) return undefined;
  const { _id, value, revision, createRevision, createTime, updateTime } = stored;
  return {
    collection,
    id: _id,
    // A query for keys alone reads no value.
    value: value === undefined ? {} : unescapeKeys(value),
    revision,
    createRevision,
    createTime: createTime.getTime(),
    updateTime: updateTime.getTime(),
  };
}

function isTombstone(stored: StoredDocument): stored is Tombstone {
  return 'deletedRevision' in stored;
}
