import { CacheMode, type Collection } from '../../../gen/keelson/documents/v1/collection_service.js';
import type { Duration } from '../../../gen/google/protobuf/duration.js';
import type { CollectionContent, StoredCollection } from '../../repositories/documents/collections.js';
import { readFields } from '../documents/document-fields.js';
import { toTimestamp } from '../timestamp.js';

const NANOS_PER_SECOND = 1e9;

/** Turns stored settings into what their contract promises. */
export function toMessage(collection: StoredCollection): Collection {
  const { name, schema, ttlField, retention, isCached, etag, revision, createTime, updateTime } = collection;
  return {
    name,
    schema,
    ttlField,
    retention: retention === undefined ? undefined : toDuration(retention),
    cacheMode: isCached ? CacheMode.CACHE_MODE_ENABLED : CacheMode.CACHE_MODE_DISABLED,
    etag,
    revision: BigInt(revision),
    createTime: toTimestamp(createTime),
    updateTime: toTimestamp(updateTime),
  };
}

/** Reads what a caller says of a collection. Throws INVALID_REQUEST for a schema that JSON cannot hold. */
export function toContent(collection: Collection | undefined): CollectionContent {
  const { schema, ttlField = '', retention, cacheMode } = collection ?? {};
  return {
    ...(schema !== undefined && { schema: readFields('collection.schema', schema) }),
    ttlField,
    ...(retention !== undefined && { retention: Number(retention.seconds) + retention.nanos / NANOS_PER_SECOND }),
    isCached: cacheMode !== CacheMode.CACHE_MODE_DISABLED,
  };
}

function toDuration(seconds: number): Duration {
  const whole = Math.floor(seconds);
  return { seconds: BigInt(whole), nanos: Math.round((seconds - whole) * NANOS_PER_SECOND) };
}
