import type { Document } from '../../../gen/keelson/documents/v1/document_service.js';
import type { StoredDocument } from '../../repositories/documents.js';
import { remembering } from '../../frozen/frozen.js';
import { toTimestamp } from '../timestamp.js';

/** Turns a stored document into what its contract promises. One that comes from a cache is turned once. */
export const toMessage = remembering(
  ({ name, fields, etag, revision, createTime, updateTime, expireTime }: StoredDocument): Document => ({
    name,
    fields,
    etag,
    revision: BigInt(revision),
    createTime: toTimestamp(createTime),
    updateTime: toTimestamp(updateTime),
    expireTime: expireTime === undefined ? undefined : toTimestamp(Date.parse(expireTime)),
  }),
);
