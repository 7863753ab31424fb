import type { Ledger } from '../../ledger/ledger.js';
import type { TransactionView } from '../../ledger/transact.js';
import type { Write } from '../../ledger/commit.js';
import type { JsonObject } from '../../store/json-value.js';
import type { StateDocument } from '../../store/state.js';
import { defineResource } from '../definition.js';
import { etagOf } from '../etag.js';
import { parseFieldPath } from '../field-mask.js';
import { valueField } from '../filter/schema.js';
import { notFound } from '../refusals.js';
import { createResources, type ChangeOptions, type Resources } from '../resource.js';
import { ContentError } from './errors.js';
import { compileJsonSchema } from './json-schema.js';
import { COLLECTIONS_COLLECTION, storedSettings, type IndexRecord, type StoredSettings } from './settings.js';

/** What a caller says of a collection. */
export interface CollectionContent {
  readonly schema?: JsonObject | undefined;
  /** A path below `fields`; empty for none. */
  readonly ttlField: string;
  /** In seconds. */
  readonly retention?: number | undefined;
  readonly isCached: boolean;
}

export interface StoredCollection extends CollectionContent {
  readonly name: string;
  readonly etag: string;
  readonly revision: number;
  /** Milliseconds since 1970. */
  readonly createTime: number;
  /** Milliseconds since 1970. */
  readonly updateTime: number;
  readonly indexes: readonly IndexRecord[];
}

const SETTINGS = ['schema', 'ttl_field', 'retention', 'cache_mode'] as const;

/** Declared collections, by their names. */
export const COLLECTIONS = defineResource<StoredCollection, CollectionContent>({
  type: 'keelson.dev/Collection',
  singular: 'collection',
  collection: COLLECTIONS_COLLECTION,
  pattern: 'collections/{collection}',
  codec: { encode: encodeSettings, decode: decodeCollection },
  schema: new Map([
    ['name', { type: { kind: 'string' }, field: { kind: 'id' } }],
    valueField('schema', { kind: 'json' }),
    valueField('ttl_field', { kind: 'string' }),
    valueField('retention', { kind: 'duration' }),
    valueField('cache_mode', { kind: 'string' }),
  ]),
});

/** The settings of collections. */
export interface Collections extends Pick<
  Resources<StoredCollection, CollectionContent>,
  'get' | 'find' | 'list' | 'create' | 'update'
> {
  /** Reads a collection as a part of a commit. Throws ResourceError `not-found`. */
  read(view: TransactionView, name: string, verb: string): Promise<StoredCollection>;
  tryRead(view: TransactionView, name: string): Promise<StoredCollection | undefined>;
  /** Writes other indexes into the settings that were read through the same view. */
  withIndexes(collection: StoredCollection, indexes: readonly IndexRecord[]): Write;
  /** Deletes the settings that were read through the same view. */
  withoutCollection(collection: StoredCollection): Write;
}

export function createCollections(ledger: Ledger): Collections {
  const resources = createResources({ ledger }, COLLECTIONS);
  return {
    get: (name, context) => resources.get(name, context),
    find: (name, context) => resources.find(name, context),
    list: (query, context) => resources.list(query, context),
    create: async (creation, options) => {
      assertSettings(creation.content);
      return resources.create(creation, options);
    },
    update: async ({ mask, ...update }, options?: ChangeOptions) => {
      assertSettings(update.content);
      // The whole is what callers say of a collection, and not its indexes.
      const isWhole = mask === undefined || mask.length === 0 || (mask.length === 1 && mask[0] === '*');
      return resources.update({ ...update, mask: isWhole ? SETTINGS : mask }, options);
    },
    read: async (view, name, verb) => {
      const collection = await tryRead(view, name);
      if (collection === undefined) throw notFound(COLLECTIONS, verb, name);
      return collection;
    },
    tryRead,
    withIndexes: (collection, indexes) => ({
      kind: 'put',
      collection: COLLECTIONS_COLLECTION,
      id: collection.name,
      value: { ...encodeSettings(collection), indexes: indexes.map((index) => ({ ...index })) },
    }),
    withoutCollection: ({ name }) => ({ kind: 'delete', collection: COLLECTIONS_COLLECTION, id: name }),
  };
}

async function tryRead(view: TransactionView, name: string): Promise<StoredCollection | undefined> {
  const stored = await view.get(COLLECTIONS_COLLECTION, name);
  return stored && decodeCollection(stored);
}

/** Throws ContentError with the path of the setting that cannot be used. */
function assertSettings({ schema, ttlField }: CollectionContent): void {
  if (schema !== undefined) compileJsonSchema(schema);
  if (ttlField === '') return;
  const keys = readPath(ttlField);
  if (keys === undefined || keys.length < 2 || keys[0] !== 'fields')
    throw new ContentError([{ path: 'ttl_field', problem: 'must be a path below fields, such as fields.expire_at' }]);
}

function readPath(path: string): readonly string[] | undefined {
  try {
    return parseFieldPath(path);
  } catch {
    return undefined;
  }
}

function encodeSettings({ schema, ttlField, retention, isCached }: CollectionContent): JsonObject {
  const stored: Omit<StoredSettings, 'indexes'> = {
    ...(schema !== undefined && { schema }),
    ...(ttlField !== '' && { ttl_field: ttlField }),
    ...(retention !== undefined && { retention }),
    ...(!isCached && { cache_mode: 'disabled' }),
  };
  return { ...stored };
}

function decodeCollection(state: StateDocument): StoredCollection {
  const { schema, ttl_field: ttlField = '', retention, cache_mode, indexes = [] } = storedSettings(state);
  const { id, revision, createTime, updateTime } = state;
  return {
    name: id,
    etag: etagOf(revision),
    revision,
    createTime,
    updateTime,
    schema,
    ttlField,
    retention,
    isCached: cache_mode !== 'disabled',
    indexes,
  };
}
