import { v7 as uuidv7 } from 'uuid';
import type { Write } from '../ledger/commit.js';
import type { TransactionView } from '../ledger/transact.js';
import type { JsonObject } from '../store/json-value.js';
import { assertUnchanged, leavesUnset } from './immutable-fields.js';
import { prefixOf, type ResourceDefinition } from './definition.js';
import type { Expiry } from './expiry.js';
import { applyUpdateMask, checkUpdateMask } from './update-mask.js';
import { alreadyExists, assertEtag, notFound } from './refusals.js';

export interface Creation<C> {
  /** The name of the parent; empty for a resource without one. */
  readonly parent: string;
  /** The last part of the name. Made by the server, so that it sorts by the time of creation, when it is empty. */
  readonly id: string;
  readonly content: C;
}

export interface Update<C> {
  readonly name: string;
  readonly content: C;
  /** Paths of AIP-161. Undefined, or `*`, replaces the whole. */
  readonly mask: readonly string[] | undefined;
  /** Any, when it is empty. */
  readonly etag: string;
  /** Creates the resource, whole and whatever the mask, if it is not there. An etag asks for one that is. */
  readonly allowMissing?: boolean;
}

export interface Deletion {
  readonly name: string;
  /** Any, when it is empty. */
  readonly etag: string;
  /** Succeeds if it is not there. */
  readonly allowMissing?: boolean;
}

/** Changes of one resource as parts of a commit. Each reads what it has to through the view and says what to write. */
export interface ResourceWrites<C> {
  create(view: TransactionView, creation: Creation<C>): Promise<Write>;
  update(view: TransactionView, update: Update<C>): Promise<Write>;
  /** None if there is nothing to delete and that is allowed. */
  delete(view: TransactionView, deletion: Deletion): Promise<readonly Write[]>;
}

export function createWrites<T, C>(definition: ResourceDefinition<T, C>, expiry: Expiry): ResourceWrites<C> {
  const { collection, codec, schema } = definition;
  const put = (id: string, value: JsonObject): Write => ({ kind: 'put', collection, id, value });
  return {
    create: async (view, { parent, id, content }) => {
      const name = `${prefixOf(definition, parent)}${id || uuidv7()}`;
      if (expiry.isThere(await view.get(collection, name))) throw alreadyExists(definition, name);
      return put(name, codec.encode(content));
    },
    update: async (view, { name, content, mask, etag, allowMissing = false }) => {
      const paths = checkUpdateMask(mask, schema);
      const existing = await view.get(collection, name);
      const value = codec.encode(content);
      if (!expiry.isThere(existing)) {
        if (!allowMissing || etag !== '') throw notFound(definition, 'update', name);
        return put(name, value);
      }
      assertEtag(definition, 'update', existing, etag);
      const changed = paths ?? pathsOfWhole(definition, value);
      const next = changed ? applyUpdateMask(existing.value, value, { paths: changed, schema }) : value;
      assertUnchanged(definition, existing.value, next);
      return put(name, next);
    },
    delete: async (view, { name, etag, allowMissing = false }) => {
      const existing = await view.get(collection, name);
      if (!expiry.isThere(existing)) {
        if (allowMissing && etag === '') return [];
        throw notFound(definition, 'delete', name);
      }
      assertEtag(definition, 'delete', existing, etag);
      return [{ kind: 'delete', collection, id: name }];
    },
  };
}

/** What an update without a mask sets where something stays as it is. An immutable field that it leaves out does. */
function pathsOfWhole(
  { schema, immutable, leavesUnnamed }: Pick<ResourceDefinition<never>, 'schema' | 'immutable' | 'leavesUnnamed'>,
  value: JsonObject,
): readonly string[] | undefined {
  const left = immutable.filter((field) => leavesUnset(value, field)).map(({ path }) => path.join('.'));
  if (left.length === 0 && !leavesUnnamed) return undefined;
  const values = [...schema].filter(([, { field }]) => field.kind === 'value').map(([name]) => name);
  return values.filter((name) => !left.includes(name));
}
