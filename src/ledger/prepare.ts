import { documentKey } from '../store/effects.js';
import type { CommitRequest } from '../store/entry.js';
import type { JsonObject } from '../store/json-value.js';
import { REQUESTS_COLLECTION, requestRecordId } from '../store/requests.js';
import type { Check, CommitInput, Precondition, Write } from './commit.js';
import { copyJsonObject } from './copy-json.js';
import { CommitTooLargeError, InvalidLedgerInputError, UnknownCollectionError } from './errors.js';
import {
  COMMIT_BYTES_MAX,
  COMMIT_DOCUMENTS_MAX,
  ID_BYTES_MAX,
  REQUEST_TEXT_BYTES_MAX,
  VALUE_BYTES_MAX,
} from './limits.js';

// What an entry holds of a write beside its id and its value, about.
const WRITE_BYTES = 200;

/** A commit that can be judged: copied, within the limits, its collections known. */
export interface PreparedCommit {
  readonly writes: readonly PreparedWrite[];
  /** In the order they are judged: checks first, so that what a transaction read stands before what it asks for. */
  readonly conditions: readonly Condition[];
  readonly request?: CommitRequest;
  /** The documents it touches, the record of its request included. */
  readonly documents: readonly DocumentName[];
  readonly bytes: number;
}

export interface PreparedWrite extends NamedDocument {
  /** `undefined` deletes. */
  readonly value: JsonObject | undefined;
  /** The value as it is stored. */
  readonly json: string | undefined;
}

export interface Condition extends NamedDocument {
  /** The place in the list of writes followed by the list of checks. */
  readonly index: number;
  readonly wanted: Precondition;
}

export interface DocumentName {
  readonly collection: string;
  readonly id: string;
}

interface NamedDocument extends DocumentName {
  /** Its `documentKey`. */
  readonly key: string;
}

/** Checks all of a commit that can be checked without the state, and copies it. */
export function prepareCommit(input: CommitInput, hasCollection: (name: string) => boolean): PreparedCommit {
  const { writes, checks = [], request } = input;
  const [written, checked] = [namedOnce(writes), namedOnce(checks)];
  const names = [...new Map<string, DocumentName>([...checked, ...written]).values()];
  checkLimit('the number of documents', COMMIT_DOCUMENTS_MAX, names.length);
  for (const name of names) checkName(name, hasCollection);
  const prepared = Array.from(written, ([key, write]) => prepareWrite(key, write));
  const bytes = prepared.reduce((sum, write) => sum + write.bytes, 0);
  checkLimit('the size of all writes in bytes', COMMIT_BYTES_MAX, bytes);
  return {
    writes: prepared,
    conditions: [...toConditions(checked, writes.length), ...toConditions(written, 0)],
    ...(request && { request: prepareRequest(request) }),
    documents: request ? [...names, requestRecordName(request)] : names,
    bytes,
  };
}

/** The document in which the ledger remembers a request. */
export function requestRecordName(request: Pick<CommitRequest, 'caller' | 'id'>): DocumentName {
  return { collection: REQUESTS_COLLECTION, id: requestRecordId(request) };
}

/** Refuses names that no document can have: of unknown collections, empty, too long, or with a NUL in the id. */
export function checkName({ collection, id }: DocumentName, hasCollection: (name: string) => boolean): void {
  if (!hasCollection(collection)) throw new UnknownCollectionError(collection);
  if (id === '') throw new InvalidLedgerInputError(`Cannot use a document of "${collection}": its id is empty`);
  // SQLite's own functions, and with them most tools, end a text at its first NUL.
  if (id.includes('\0') || !id.isWellFormed()) {
    throw new InvalidLedgerInputError(
      `Cannot use document ${JSON.stringify(id)}: its id holds a NUL or half a surrogate pair`,
    );
  }
  checkLimit('the length of an id in bytes', ID_BYTES_MAX, Buffer.byteLength(id));
}

function namedOnce<T extends DocumentName>(names: readonly T[]): ReadonlyMap<string, T> {
  const byKey = new Map<string, T>();
  for (const name of names) {
    const key = documentKey(name);
    if (byKey.has(key)) throw new InvalidLedgerInputError(`Cannot commit: document "${key}" is named twice`);
    byKey.set(key, name);
  }
  return byKey;
}

function prepareWrite(key: string, write: Write): PreparedWrite & { readonly bytes: number } {
  const { collection, id } = write;
  const nameBytes = WRITE_BYTES + Buffer.byteLength(id);
  if (write.kind === 'delete') return { collection, id, key, value: undefined, json: undefined, bytes: nameBytes };
  const value = write.json === undefined ? copyJsonObject(write.value) : write.value;
  const json = write.json ?? JSON.stringify(value);
  const bytes = Buffer.byteLength(json);
  checkLimit('the size of a value in bytes', VALUE_BYTES_MAX, bytes);
  return { collection, id, key, value, json, bytes: nameBytes + bytes };
}

function toConditions(items: ReadonlyMap<string, Write | Check>, firstIndex: number): Condition[] {
  const conditions: Condition[] = [];
  let index = firstIndex;
  for (const [key, { collection, id, precondition }] of items) {
    if (precondition !== undefined) conditions.push({ collection, id, key, index, wanted: precondition });
    index += 1;
  }
  return conditions;
}

function prepareRequest({ caller, id, fingerprint }: CommitRequest): CommitRequest {
  for (const text of [caller, id, fingerprint]) {
    if (!text.isWellFormed()) throw new InvalidLedgerInputError('Cannot commit: a request holds half a surrogate pair');
    checkLimit('the length of a text that names a request in bytes', REQUEST_TEXT_BYTES_MAX, Buffer.byteLength(text));
  }
  return { caller, id, fingerprint };
}

function checkLimit(what: string, limit: number, found: number): void {
  if (found > limit) throw new CommitTooLargeError(what, limit, found);
}
