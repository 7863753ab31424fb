import { readProjection } from '../../repositories/documents/read-mask.js';
import type { StoredDocument } from '../../repositories/documents.js';

/** Leaves of documents what a read mask names. Throws FieldMaskError before any is read. */
export function createMasked(mask: readonly string[] | undefined): (document: StoredDocument) => StoredDocument {
  const project = readProjection(mask);
  return (document) => ({ ...document, fields: project(document.fields) });
}
