import type { JsonObject } from '../../store/json-value.js';
import type { OrderField } from '../../store/query/condition.js';
import type { StateDocument } from '../../store/state.js';
import { remembering } from '../../frozen/frozen.js';
import { parseFieldPath } from '../field-mask.js';
import { parseOrderBy } from '../order-by.js';
import type { Schema } from '../filter/schema.js';

/** The ledger collection that holds the settings of collections, by their names. */
export const COLLECTIONS_COLLECTION = 'document_collections';

export type IndexState = 'building' | 'ready';

/** An index as it stands in the settings of its collection. */
export interface IndexRecord {
  readonly id: string;
  readonly orderBy: string;
  readonly unique: boolean;
  readonly sparse: boolean;
  readonly state: IndexState;
  /** Begins the ids of its entries. Another one for each index that ever was. */
  readonly generation: string;
}

/** What writes have to know of a collection. A collection that is not declared has nothing of it. */
export interface CollectionSettings {
  /** Where the settings were written last; 0 if they never were. */
  readonly revision: number;
  readonly schema: JsonObject | undefined;
  /** The keys that lead to the text that says from when on a document is gone. */
  readonly ttlKeys: readonly string[] | undefined;
  readonly retentionMs: number | undefined;
  readonly isCached: boolean;
  readonly indexes: readonly CollectionIndex[];
}

export interface CollectionIndex extends IndexRecord {
  readonly order: readonly OrderField[];
}

/** How settings are stored. Only this folder writes them. */
export interface StoredSettings {
  readonly schema?: JsonObject;
  readonly ttl_field?: string;
  readonly retention?: number;
  readonly cache_mode?: 'disabled';
  readonly indexes?: readonly IndexRecord[];
}

const MS_PER_SECOND = 1_000;

const NONE: CollectionSettings = {
  revision: 0,
  schema: undefined,
  ttlKeys: undefined,
  retentionMs: undefined,
  isCached: true,
  indexes: [],
};

// The orders of indexes go by the content alone.
const CONTENT: Schema = new Map([['fields', { type: { kind: 'json' }, field: { kind: 'value', keys: ['fields'] } }]]);

/** Reads the order of an index. Throws OrderByError. */
export function parseIndexOrder(orderBy: string): readonly OrderField[] {
  return parseOrderBy(orderBy, CONTENT);
}

/** What the stored settings of a collection mean. Those that come from a cache are read once. */
export function readSettings(stored: StateDocument | undefined): CollectionSettings {
  return stored === undefined ? NONE : readStored(stored);
}

const readStored = remembering((stored: StateDocument): CollectionSettings => {
  const { schema, ttl_field, retention, cache_mode, indexes = [] } = storedSettings(stored);
  return {
    revision: stored.revision,
    schema,
    ttlKeys: ttl_field === undefined ? undefined : parseFieldPath(ttl_field),
    retentionMs: retention === undefined ? undefined : retention * MS_PER_SECOND,
    isCached: cache_mode !== 'disabled',
    indexes: indexes.map((index) => ({ ...index, order: parseIndexOrder(index.orderBy) })),
  };
});

export function storedSettings(stored: StateDocument): StoredSettings {
  return stored.value as StoredSettings;
}
