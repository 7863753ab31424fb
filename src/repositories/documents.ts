import { v7 as uuidv7 } from 'uuid';
import type { Ledger } from '../ledger/ledger.js';
import type { JsonObject } from '../store/json-value.js';
import type { StateDocument } from '../store/state.js';
import { defineResource, prefixOf } from './definition.js';
import type { DocumentChange } from './documents/document-changes.js';
import { createDocumentQueries, type DocumentQuery } from './documents/document-queries.js';
import { createDocumentWriter, type DocumentWriter } from './documents/document-writer.js';
import type { Snapshot } from './documents/snapshot.js';
import { etagOf } from './etag.js';
import type { ReadContext } from './read-context.js';
import { createResources, type ChangeOptions, type Resources } from './resource.js';
import type { Creation, Deletion, Update } from './writes.js';

/** The ledger collection that holds all documents, by their names. */
export const DOCUMENTS_COLLECTION = 'documents';

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
  /** RFC 3339 in UTC. */
  readonly expireTime?: string;
}

/** What a caller says of a document; the rest is set here. */
export type DocumentContent = Pick<StoredDocument, 'fields'>;

/** What several changes left, in their order. */
export interface CommittedDocuments {
  readonly revision: number;
  /** `undefined` for a document that is gone. */
  readonly documents: readonly (StoredDocument | undefined)[];
}

/** The documents of all collections. Their writes hold them to the settings of the collection, see `documents/`. */
export interface Documents extends Omit<Resources<StoredDocument, DocumentContent>, 'writes' | 'count' | 'change'> {
  readonly writer: DocumentWriter;
  /** All documents that are asked for, as they are at one revision. Whoever takes it closes it. */
  snapshot(query: DocumentQuery, context?: ReadContext): Promise<DocumentSnapshot>;
  /** Makes changes of documents of one collection at one revision, or none of them. */
  commit(parent: string, changes: readonly DocumentChange[], options?: ChangeOptions): Promise<CommittedDocuments>;
}

export interface DocumentSnapshot extends Omit<Snapshot, 'documents' | 'next'> {
  documents(): AsyncIterable<StoredDocument>;
}

/** Documents: JSON objects with a name. */
export const DOCUMENTS = defineResource<StoredDocument, DocumentContent>({
  type: 'keelson.dev/Document',
  singular: 'document',
  collection: DOCUMENTS_COLLECTION,
  pattern: 'collections/{collection}/documents/{document}',
  codec: { encode: ({ fields }) => ({ fields }), decode: decodeDocument },
  schema: new Map([
    ['name', { type: { kind: 'string' }, field: { kind: 'id' } }],
    ['fields', { type: { kind: 'json' }, field: { kind: 'value', keys: ['fields'] } }],
    ['revision', { type: { kind: 'number' }, field: { kind: 'revision' } }],
    ['create_time', { type: { kind: 'timestamp', stored: 'milliseconds' }, field: { kind: 'createTime' } }],
    ['update_time', { type: { kind: 'timestamp', stored: 'milliseconds' }, field: { kind: 'updateTime' } }],
    ['expire_time', { type: { kind: 'timestamp', stored: 'text' }, field: { kind: 'value', keys: ['expire_time'] } }],
  ]),
  // Each costs every write; the order of revisions is that of update times.
  indexes: ['create_time', 'update_time'],
  expireTime: 'expire_time',
});

export function createDocuments(ledger: Ledger, { now }: { readonly now?: () => number } = {}): Documents {
  const resources = createResources({ ledger, ...(now && { now }) }, DOCUMENTS);
  const queries = createDocumentQueries({ ledger, definition: DOCUMENTS, now: now ?? Date.now });
  const writer = createDocumentWriter({ ledger, definition: DOCUMENTS, now });
  const commit: Documents['commit'] = async (parent, changes, options) => {
    const { revision, documents } = await writer.commit(parent, changes, options);
    return { revision, documents: documents.map((document) => document && decodeDocument(document)) };
  };
  const commitOne = async (change: DocumentChange, options: ChangeOptions | undefined) =>
    (await commit(collectionOf(change.name), [change], options)).documents[0];
  const put = async (change: DocumentChange, options: ChangeOptions | undefined) => {
    const document = await commitOne(change, options);
    if (document === undefined) throw new TypeError('A commit that puts a document gave none back');
    return document;
  };
  // Several are never taken from the cache.
  const getUncached = async (name: string, context: ReadContext) => {
    const [document] = await resources.batchGet([name, name], context);
    if (document === undefined) throw new TypeError(`Nothing was read of "${name}"`);
    return document;
  };
  return {
    definition: resources.definition,
    find: (name, context) => resources.find(name, context),
    batchGet: (names, context) => resources.batchGet(names, context),
    watch: (options) => resources.watch(options),
    writer,
    commit,
    get: async (name, context = {}) => {
      const settings = queries.settings(collectionOf(name), context);
      const { isCached } = settings instanceof Promise ? await settings : settings;
      const known = new AsKnown(context);
      return isCached ? resources.get(name, known) : getUncached(name, known);
    },
    list: async (query, context) => {
      const page = await queries.listAlongIndex(query, context);
      return page ? { ...page, resources: page.resources.map(decodeDocument) } : resources.list(query, context);
    },
    snapshot: async (query, context) => {
      const snapshot = await queries.snapshot(query, context);
      return { ...snapshot, documents: () => decodeAll(snapshot.documents()) };
    },
    create: (creation, options) => put(toCreation(creation), options),
    update: (update, options) => put(toUpdate(update), options),
    delete: async (deletion, options) => void (await commitOne(toDeletion(deletion), options)),
  };
}

/** For a read behind one that was as new as was asked for: the process has at least that. One is made for every read. */
class AsKnown implements ReadContext {
  readonly freshness = 'any';
  readonly #context: ReadContext;

  constructor(context: ReadContext) {
    this.#context = context;
  }

  get signal(): AbortSignal | undefined {
    return this.#context.signal;
  }

  get consistency(): this {
    return this;
  }

  saw(revision: number): void {
    this.#context.consistency?.saw(revision);
  }
}

async function* decodeAll(documents: AsyncIterable<StateDocument>): AsyncGenerator<StoredDocument> {
  for await (const document of documents) yield decodeDocument(document);
}

/** The name of the collection that a document is in. */
export function collectionOf(name: string): string {
  return name.slice(0, name.indexOf('/documents/'));
}

function decodeDocument({ id, value, revision, createTime, updateTime }: StateDocument): StoredDocument {
  // Only the writer writes into the collection. A mask that removes the whole content leaves an empty one.
  const fields = (value['fields'] ?? {}) as JsonObject;
  const expireTime = value['expire_time'];
  return {
    name: id,
    fields,
    etag: etagOf(revision),
    revision,
    createTime,
    updateTime,
    ...(typeof expireTime === 'string' && { expireTime }),
  };
}

function toCreation({ parent, id, content: { fields } }: Creation<DocumentContent>): DocumentChange {
  const name = `${prefixOf(DOCUMENTS, parent)}${id || uuidv7()}`;
  return { kind: 'put', name, condition: { kind: 'absent' }, mask: undefined, fields, transforms: [] };
}

function toUpdate({ name, content: { fields }, mask, etag, allowMissing }: Update<DocumentContent>): DocumentChange {
  const condition = conditionOf(etag, allowMissing);
  return { kind: 'put', name, condition, mask, fields, transforms: [] };
}

function toDeletion({ name, etag, allowMissing }: Deletion): DocumentChange {
  return { kind: 'delete', name, condition: conditionOf(etag, allowMissing) };
}

function conditionOf(etag: string, allowMissing = false): DocumentChange['condition'] {
  if (etag !== '') return { kind: 'etag', etag };
  return { kind: allowMissing ? 'any' : 'exists' };
}
