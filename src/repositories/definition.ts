import type { JsonObject } from '../store/json-value.js';
import type { Field } from '../store/query/condition.js';
import type { IndexDeclaration } from '../store/query/query.js';
import type { StateDocument } from '../store/state.js';
import type { Schema } from './filter/schema.js';
import type { ImmutableField } from './immutable-fields.js';
import { parseOrderBy } from './order-by.js';

/**
 * Turns what a caller says of a resource, its content, into what is stored, and that into the resource. What the ledger
 * knows of a document is not stored again.
 */
export interface ResourceCodec<T, C = T> {
  encode(content: C): JsonObject;
  decode(state: StateDocument): T;
}

/** All that tells one kind of resource from another. */
export interface ResourceSettings<T, C = T> {
  /** As the contract names it: `keelson.dev/Document`. */
  readonly type: string;
  /** What one is called in messages: `document`. */
  readonly singular: string;
  readonly collection: string;
  /** The name's pattern: `collections/{collection}/documents/{document}`. Its last part is the variable id. */
  readonly pattern: string;
  readonly codec: ResourceCodec<T, C>;
  /** The fields that filters, orders and masks may name. */
  readonly schema: Schema;
  /** The fields that are set once, at the creation. Default none. */
  readonly immutable?: readonly ImmutableField[];
  /** Orders that lists may ask for at any size, as `order_by` has them: `state, create_time desc`. */
  readonly indexes?: readonly string[];
  /** The field that holds the time from which on the resource is taken for deleted. */
  readonly expireTime?: string;
  /** Whether a cache may keep it. Default true. */
  readonly cacheable?: boolean;
}

export interface ResourceDefinition<T, C = T> extends Omit<
  ResourceSettings<T, C>,
  'indexes' | 'expireTime' | 'cacheable' | 'immutable'
> {
  readonly immutable: readonly ImmutableField[];
  /** Whether an update of the whole leaves alone what `schema` does not name. */
  readonly leavesUnnamed: boolean;
  readonly indexes: readonly IndexDeclaration[];
  readonly expireTime: { readonly field: Field; readonly stored: 'text' | 'milliseconds' } | undefined;
  readonly cacheable: boolean;
}

/** A definition as far as reading needs it. */
export interface Decodable<T> extends Omit<ResourceDefinition<T, never>, 'codec'> {
  readonly codec: Pick<ResourceCodec<T, never>, 'decode'>;
}

const INDEXED_TYPES: readonly string[] = ['string', 'number', 'boolean', 'timestamp', 'duration', 'enum'];

/** Checks a definition, so that a mistake in one stops the start. Throws TypeError. */
export function defineResource<T, C = T>(settings: ResourceSettings<T, C>): ResourceDefinition<T, C> {
  const { pattern, schema, indexes = [], immutable = [], cacheable = true } = settings;
  if (!/(?:^|\/)\{[a-z_]+\}$/.test(pattern)) throw new TypeError(`Cannot define "${pattern}": it must end with {id}`);
  return {
    ...settings,
    cacheable,
    immutable,
    leavesUnnamed: false,
    indexes: indexes.map((index) => toIndex(index, schema)),
    expireTime: findExpireTime(settings),
  };
}

/** The ids of a resource's documents begin with this. */
export function prefixOf({ pattern }: { readonly pattern: string }, parent: string): string {
  const literal = pattern.slice(0, pattern.lastIndexOf('{'));
  const own = literal.slice(literal.lastIndexOf('}') + 1);
  return parent + (parent === '' ? own.replace(/^\//, '') : own);
}

function toIndex(text: string, schema: Schema): IndexDeclaration {
  const fields = parseOrderBy(text, schema);
  for (const { field } of fields) {
    const entry = [...schema.values()].find((known) => JSON.stringify(known.field) === JSON.stringify(field));
    // Only of one type are all engines' own orders the same.
    if (entry === undefined || !INDEXED_TYPES.includes(entry.type.kind))
      throw new TypeError(`Cannot declare index "${text}": only fields of one type have an index`);
  }
  return { fields };
}

function findExpireTime({
  expireTime,
  schema,
}: Pick<ResourceSettings<never>, 'expireTime' | 'schema'>): ResourceDefinition<never>['expireTime'] {
  if (expireTime === undefined) return undefined;
  const entry = schema.get(expireTime);
  if (entry?.type.kind !== 'timestamp') throw new TypeError(`Cannot expire by "${expireTime}": it is no timestamp`);
  return { field: entry.field, stored: entry.type.stored };
}
