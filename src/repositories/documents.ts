import type { Ledger } from '../ledger/ledger.js';
import type { JsonObject } from '../store/json-value.js';
import { defineResource } from './definition.js';
import { etagOf } from './etag.js';
import { createResources, type Resources } from './resource.js';

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
}

/** What a caller says of a document; the rest is set here. */
export type DocumentContent = Pick<StoredDocument, 'fields'>;

/** The documents of all collections. */
export type Documents = Resources<StoredDocument, DocumentContent>;

/** Documents: JSON objects with a name. */
export const DOCUMENTS = defineResource<StoredDocument, DocumentContent>({
  type: 'keelson.dev/Document',
  singular: 'document',
  collection: DOCUMENTS_COLLECTION,
  pattern: 'collections/{collection}/documents/{document}',
  codec: {
    encode: ({ fields }) => ({ fields }),
    decode: ({ id, value, revision, createTime, updateTime }) => {
      // Only this codec writes into the collection. A mask that removes the whole content leaves an empty one.
      const fields = (value['fields'] ?? {}) as JsonObject;
      return { name: id, fields, etag: etagOf(revision), revision, createTime, updateTime };
    },
  },
  schema: new Map([
    ['name', { type: { kind: 'string' }, field: { kind: 'id' } }],
    ['fields', { type: { kind: 'json' }, field: { kind: 'value', keys: ['fields'] } }],
    ['revision', { type: { kind: 'number' }, field: { kind: 'revision' } }],
    ['create_time', { type: { kind: 'timestamp', stored: 'milliseconds' }, field: { kind: 'createTime' } }],
    ['update_time', { type: { kind: 'timestamp', stored: 'milliseconds' }, field: { kind: 'updateTime' } }],
  ]),
  // Each costs every write; the order of revisions is that of update times.
  indexes: ['create_time', 'update_time'],
});

export function createDocuments(ledger: Ledger): Documents {
  return createResources({ ledger }, DOCUMENTS);
}
