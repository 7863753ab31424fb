import { v7 as uuidv7 } from 'uuid';
import type { Ledger } from '../ledger/ledger.js';
import type { JsonObject } from '../store/json-value.js';
import type { StateDocument } from '../store/state.js';
import { ResourceError } from './errors.js';
import { etagOf } from './etag.js';
import { applyFieldMask, FieldMaskError, parseFieldPath } from './field-mask.js';
import { decodePageToken, encodePageToken } from './page-token.js';

/** The ledger collection that holds all documents, by their names. */
export const DOCUMENTS_COLLECTION = 'documents';

const RESOURCE_TYPE = 'keelson.dev/Document';
const KIB = 1024;
const MIB = 1024 * KIB;
/** A page ends early when its documents would make more than this, as JSON; a message may hold 4 MiB. */
const PAGE_BYTES_MAX = 2 * MIB;

/** A document as its last change left it. */
export interface StoredDocument {
  readonly name: string;
  readonly fields: JsonObject;
  readonly etag: string;
  readonly revision: number;
  /** Milliseconds since 1970. */
  readonly createTime: number;
  /** Milliseconds since 1970. */
  readonly updateTime: number;
}

/** Makes a change safe to repeat: the same id from the same caller gets the first answer. */
export interface ChangeRequest {
  readonly caller: string;
  readonly id: string;
  /** Tells apart two requests that claim the same id. */
  readonly fingerprint: string;
}

export interface ChangeOptions {
  readonly signal: AbortSignal;
  readonly request?: ChangeRequest | undefined;
}

export interface CreateDocument {
  readonly parent: string;
  /** Made by the server when it is empty. */
  readonly documentId: string;
  readonly fields: JsonObject;
}

export interface UpdateDocument {
  readonly name: string;
  readonly fields: JsonObject;
  /** Undefined replaces the whole content. */
  readonly mask: readonly string[] | undefined;
  /** Any, when it is empty. */
  readonly etag: string;
}

export interface DeleteDocument {
  readonly name: string;
  /** Any, when it is empty. */
  readonly etag: string;
}

export interface ListDocuments {
  readonly parent: string;
  readonly pageSize: number;
  readonly pageToken: string;
}

export interface DocumentPage {
  readonly documents: readonly StoredDocument[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

/** The documents of all collections. Refuses with ResourceError, FieldMaskError, PageTokenError or a ledger's error. */
export interface Documents {
  get(name: string, signal: AbortSignal): Promise<StoredDocument>;
  list(query: ListDocuments, signal: AbortSignal): Promise<DocumentPage>;
  create(document: CreateDocument, options: ChangeOptions): Promise<StoredDocument>;
  update(change: UpdateDocument, options: ChangeOptions): Promise<StoredDocument>;
  delete(target: DeleteDocument, options: ChangeOptions): Promise<void>;
}

export function createDocuments(ledger: Ledger): Documents {
  return {
    get: (name, signal) => getDocument(ledger, name, signal),
    list: (query, signal) => listDocuments(ledger, query, signal),
    create: (document, options) => createDocument(ledger, document, options),
    update: (change, options) => updateDocument(ledger, change, options),
    delete: (target, options) => deleteDocument(ledger, target, options),
  };
}

async function getDocument(ledger: Ledger, name: string, signal: AbortSignal): Promise<StoredDocument> {
  const state = await ledger.get(DOCUMENTS_COLLECTION, name, { signal });
  if (state === undefined) throw notFound('get', name);
  return toDocument(state);
}

async function listDocuments(ledger: Ledger, query: ListDocuments, signal: AbortSignal): Promise<DocumentPage> {
  const { parent, pageSize, pageToken } = query;
  const after = decodePageToken(['documents', parent], pageToken);
  const prefix = `${parent}/documents/`;
  const from = after === undefined ? {} : { after };
  const { documents: found } = await ledger.scan(DOCUMENTS_COLLECTION, {
    prefix,
    ...from,
    limit: pageSize + 1,
    signal,
  });
  const page = takePage(found, pageSize);
  const last = page.at(-1);
  const hasMore = page.length < found.length && last !== undefined;
  return {
    documents: page.map(toDocument),
    nextPageToken: hasMore ? encodePageToken(['documents', parent], last.id) : '',
  };
}

/** Takes at least one document, and no more than fit into a message. */
function takePage(found: readonly StateDocument[], pageSize: number): readonly StateDocument[] {
  const page: StateDocument[] = [];
  let bytes = 0;
  for (const state of found) {
    bytes += Buffer.byteLength(JSON.stringify(state.value));
    if (page.length === pageSize || (page.length > 0 && bytes > PAGE_BYTES_MAX)) break;
    page.push(state);
  }
  return page;
}

async function createDocument(
  ledger: Ledger,
  document: CreateDocument,
  options: ChangeOptions,
): Promise<StoredDocument> {
  const name = `${document.parent}/documents/${document.documentId || uuidv7()}`;
  const result = await ledger.transact(async (view) => {
    const existing = await view.get(DOCUMENTS_COLLECTION, name);
    if (existing !== undefined) throw refusal('exists', name, `Cannot create document "${name}": it exists`);
    return [{ kind: 'put', collection: DOCUMENTS_COLLECTION, id: name, value: { fields: document.fields } }];
  }, options);
  return writtenDocument(result.documents);
}

async function updateDocument(ledger: Ledger, change: UpdateDocument, options: ChangeOptions): Promise<StoredDocument> {
  const { name, etag, mask } = change;
  if (mask !== undefined) assertMask(mask);
  const result = await ledger.transact(async (view) => {
    const existing = await view.get(DOCUMENTS_COLLECTION, name);
    if (existing === undefined) throw notFound('update', name);
    assertEtag('update', existing, etag);
    const value =
      mask === undefined ? { fields: change.fields } : applyFieldMask(existing.value, { fields: change.fields }, mask);
    // A mask that removes the whole content leaves an empty one.
    return [{ kind: 'put', collection: DOCUMENTS_COLLECTION, id: name, value: { fields: {}, ...value } }];
  }, options);
  return writtenDocument(result.documents);
}

async function deleteDocument(ledger: Ledger, { name, etag }: DeleteDocument, options: ChangeOptions): Promise<void> {
  await ledger.transact(async (view) => {
    const existing = await view.get(DOCUMENTS_COLLECTION, name);
    if (existing === undefined) throw notFound('delete', name);
    assertEtag('delete', existing, etag);
    return [{ kind: 'delete', collection: DOCUMENTS_COLLECTION, id: name }];
  }, options);
}

/** Only the content can be named: everything else in a document is set by the server. */
function assertMask(mask: readonly string[]): void {
  for (const path of mask) {
    const [first] = parseFieldPath(path);
    if (first !== 'fields') throw new FieldMaskError(path, 'cannot be updated: expected "fields" or a path below it');
  }
}

function assertEtag(verb: string, { id, revision }: StateDocument, etag: string): void {
  if (etag === '' || etag === etagOf(revision)) return;
  const found = `its etag is "${etagOf(revision)}", expected "${etag}"`;
  throw refusal('etag-mismatch', id, `Cannot ${verb} document "${id}": ${found}`);
}

function notFound(verb: string, name: string): ResourceError {
  return refusal('not-found', name, `Cannot ${verb} document "${name}": it does not exist`);
}

function refusal(failure: ResourceError['failure'], name: string, message: string): ResourceError {
  return new ResourceError(failure, { type: RESOURCE_TYPE, name }, message);
}

function writtenDocument(written: readonly (StateDocument | undefined)[]): StoredDocument {
  const [state] = written;
  if (state === undefined) throw new TypeError('A commit that puts a document gave none back');
  return toDocument(state);
}

function toDocument({ id, value, revision, createTime, updateTime }: StateDocument): StoredDocument {
  // Only this file writes into the collection, and always with fields.
  const fields = value['fields'] as JsonObject;
  return { name: id, fields, etag: etagOf(revision), revision, createTime, updateTime };
}
