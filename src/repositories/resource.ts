import type { Awaitable } from '../async/awaitable.js';
import type { Ledger } from '../ledger/ledger.js';
import type { ReadOptions } from '../ledger/reads.js';
import type { Decide, TransactionView } from '../ledger/transact.js';
import type { CommitResult, Write } from '../ledger/commit.js';
import type { CallConsistency } from '../rpc/context.js';
import { remembering } from '../frozen/frozen.js';
import type { StateDocument } from '../store/state.js';
import type { Decodable, ResourceDefinition } from './definition.js';
import { createExpiry, type Expiry } from './expiry.js';
import { assertUnchanged } from './immutable-fields.js';
import { countResources, listResources, type ListQuery, type ResourceCount, type ResourcePage } from './list.js';
import { notFound, type Kind } from './refusals.js';
import { readFor, readHeld, type ReadContext } from './read-context.js';
import { watchResources, type WatchEvent, type WatchOptions } from './watch.js';
import { createWrites, type Creation, type Deletion, type ResourceWrites, type Update } from './writes.js';

/** Makes a change safe to repeat: the same id from the same caller gets the first answer. */
export interface ChangeRequest {
  readonly caller: string;
  readonly id: string;
  /** Tells apart two requests that claim the same id. */
  readonly fingerprint: string;
}

export interface ChangeOptions {
  readonly signal?: AbortSignal | undefined;
  readonly request?: ChangeRequest | undefined;
  /** Is told the revision of the change, or that of the state for which it was refused. */
  readonly consistency?: Pick<CallConsistency, 'saw'>;
}

/**
 * The standard methods of one kind of resource. Refuses with ResourceError, ImmutableFieldError, FilterError, OrderByError, FieldMaskError,
 * PageTokenError or a ledger's error. A resource that has expired is not there for any of them but `watch`.
 */
export interface Resources<T, C = T> {
  readonly definition: ResourceDefinition<T, C>;
  /** Rejects with a ResourceError `not-found` if there is none. */
  get(name: string, context?: ReadContext): Promise<T>;
  find(name: string, context?: ReadContext): Promise<T | undefined>;
  /** All of one revision, in the order of the names. Rejects with `not-found` for the first that is missing. */
  batchGet(names: readonly string[], context?: ReadContext): Promise<readonly T[]>;
  list(query: ListQuery, context?: ReadContext): Promise<ResourcePage<T>>;
  count(query: Pick<ListQuery, 'parent' | 'filter'>, context?: ReadContext): Promise<ResourceCount>;
  create(creation: Creation<C>, options?: ChangeOptions): Promise<T>;
  update(update: Update<C>, options?: ChangeOptions): Promise<T>;
  delete(deletion: Deletion, options?: ChangeOptions): Promise<void>;
  /**
   * Replaces a resource by what `decide` makes of it. If another commit changes it meanwhile, `decide` runs again; what it
   * throws is thrown on. Rejects with ImmutableFieldError where that would change what is set once.
   */
  change(name: string, decide: (resource: T) => C, options?: ChangeOptions): Promise<T>;
  /** Tells what becomes of resources that meet a filter, commit by commit, from a revision on. */
  watch(options: WatchOptions): AsyncIterable<WatchEvent<T>>;
  /** The same changes as parts of a larger one: see `commitTogether`. */
  readonly writes: ResourceWrites<C>;
}

export interface ResourceDeps {
  readonly ledger: Ledger;
  /** Milliseconds since 1970, for what expires. Default the time of day. */
  readonly now?: () => number;
}

/** What has to be known of a resource to make room for it. */
export type DeclarableResource = Pick<ResourceDefinition<never>, 'collection' | 'indexes'>;

/** Makes the collection and the indexes of a resource. To be called in every process before it is used. */
export async function declareResource(
  ledger: Pick<Ledger, 'declareCollections' | 'declareIndexes'>,
  definition: DeclarableResource,
): Promise<void> {
  await ledger.declareCollections([definition.collection]);
  await ledger.declareIndexes(definition.collection, definition.indexes);
}

/** The same for several. */
export async function declareResources(
  ledger: Pick<Ledger, 'declareCollections' | 'declareIndexes'>,
  definitions: readonly DeclarableResource[],
): Promise<void> {
  for (const definition of definitions) await declareResource(ledger, definition);
}

/** Makes the standard methods of a resource from its definition. */
export function createResources<T, C>(deps: ResourceDeps, definition: ResourceDefinition<T, C>): Resources<T, C> {
  const { ledger, now = () => Date.now() } = deps;
  const expiry = createExpiry(definition, now);
  const writes = createWrites(definition, expiry);
  const decode = remembering((state: StateDocument) => definition.codec.decode(state));
  const changeOne = async (decide: (view: TransactionView) => Promise<Write>, options?: ChangeOptions) => {
    const [document] = await commitTogether(ledger, async (view) => [await decide(view)], options);
    return decodeWritten(definition, document);
  };
  const readMany = (names: readonly string[], context: ReadContext = {}) =>
    readResources({ ledger, definition, expiry, decode }, names, context);
  const readOne = (name: string, context: ReadContext = {}): Awaitable<T | undefined> => {
    const id = { collection: definition.collection, id: name };
    const held = definition.cacheable ? readHeld(ledger, id, context) : undefined;
    if (held !== undefined) return expiry.isThere(held.value) ? decode(held.value) : undefined;
    return readMany([name], context).then(([resource]) => resource);
  };
  return {
    definition,
    writes,
    find: async (name, context) => readOne(name, context),
    get: async (name, context) => {
      const read = readOne(name, context);
      return found(definition, name, read instanceof Promise ? await read : read);
    },
    batchGet: async (names, context) => {
      const resources = await readMany(names, context);
      return names.map((name, index) => found(definition, name, resources[index]));
    },
    list: (query, context) => listResources({ ledger, definition, expiry }, query, context),
    count: (query, context) => countResources({ ledger, definition, expiry }, query, context),
    create: (creation, options) => changeOne((view) => writes.create(view, creation), options),
    update: (update, options) => changeOne((view) => writes.update(view, update), options),
    delete: async (deletion, options) => {
      await commitTogether(ledger, (view) => writes.delete(view, deletion), options);
    },
    change: (name, decide, options) =>
      changeOne(async (view) => {
        const { collection, codec } = definition;
        const existing = await view.get(collection, name);
        if (!expiry.isThere(existing)) throw notFound(definition, 'update', name);
        const value = codec.encode(decide(codec.decode(existing)));
        assertUnchanged(definition, existing.value, value);
        return { kind: 'put', collection, id: name, value };
      }, options),
    watch: (options) => watchResources(ledger, definition, options),
  };
}

/**
 * Commits changes of several resources, of any kinds, at one revision or not at all: `decide` gives what their `writes`
 * make. It may run several times. Gives the documents as they were left, in order.
 */
export async function commitTogether(
  ledger: Ledger,
  decide: (view: TransactionView) => Promise<readonly Write[]>,
  options?: ChangeOptions,
): Promise<readonly (StateDocument | undefined)[]> {
  return (await transactFor(ledger, decide, options)).documents;
}

/** The same, with all that is known of the commit. */
export async function transactFor(
  ledger: Pick<Ledger, 'transact' | 'revision'>,
  decide: Decide,
  { signal, request, consistency }: ChangeOptions = {},
): Promise<CommitResult> {
  try {
    const result = await ledger.transact(decide, { signal, request });
    consistency?.saw(result.revision);
    return result;
  } catch (err) {
    consistency?.saw(ledger.revision());
    throw err;
  }
}

interface ReadDeps<T> {
  readonly ledger: Ledger;
  readonly definition: Decodable<T>;
  readonly expiry: Expiry;
  readonly decode: (state: StateDocument) => T;
}

async function readResources<T>(
  { ledger, definition, expiry, decode }: ReadDeps<T>,
  names: readonly string[],
  context: ReadContext,
): Promise<readonly (T | undefined)[]> {
  const documents = await readFor(ledger, context, (options) => readDocuments(ledger, definition, names, options));
  return documents.map((state) => (expiry.isThere(state) ? decode(state) : undefined));
}

/** One document may come from a cache, if its kind may be in one; several are read together, at one revision. */
async function readDocuments(
  ledger: Pick<Ledger, 'get' | 'getMany'>,
  { collection, cacheable }: Pick<Decodable<never>, 'collection' | 'cacheable'>,
  names: readonly string[],
  options: ReadOptions,
): Promise<readonly (StateDocument | undefined)[]> {
  const [only, ...others] = names;
  if (cacheable && only !== undefined && others.length === 0) return [await ledger.get(collection, only, options)];
  return (await ledger.getMany(collection, names, options)).documents;
}

function found<T>(definition: Kind, name: string, resource: T | undefined): T {
  if (resource === undefined) throw notFound(definition, 'get', name);
  return resource;
}

function decodeWritten<T>({ codec, singular }: Decodable<T>, state: StateDocument | undefined): T {
  if (state === undefined) throw new TypeError(`A commit that puts a ${singular} gave none back`);
  return codec.decode(state);
}
