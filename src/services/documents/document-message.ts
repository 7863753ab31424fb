import type { Document } from '../../../gen/keelson/documents/v1/document_service.js';
import type { StoredDocument } from '../../repositories/documents.js';
import { toTimestamp } from '../timestamp.js';

/** Turns a stored document into what its contract promises. */
export function toMessage({ name, fields, etag, revision, createTime, updateTime }: StoredDocument): Document {
  return {
    name,
    fields,
    etag,
    revision: BigInt(revision),
    createTime: toTimestamp(createTime),
    updateTime: toTimestamp(updateTime),
  };
}
