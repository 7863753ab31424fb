import { v7 as uuidv7 } from 'uuid';
import type { Ledger } from '../../ledger/ledger.js';
import type { Write } from '../../ledger/commit.js';
import { alreadyExists, notFound, type Kind } from '../refusals.js';
import { transactFor, type ChangeOptions } from '../resource.js';
import type { ReadContext } from '../read-context.js';
import type { Collections } from './collections.js';
import { ContentError } from './errors.js';
import { finished } from './operation-end.js';
import {
  OPERATIONS,
  OPERATIONS_COLLECTION,
  operationName,
  putOperation,
  readOperation,
  type OperationContent,
} from './operations.js';
import { parseIndexOrder, type IndexRecord } from './settings.js';

/** Indexes of one collection. */
export const INDEXES_MAX = 8;

/** Fields of one index. */
export const INDEX_FIELDS_MAX = 4;

const INDEX: Kind = { type: 'keelson.dev/Index', singular: 'index' };

export interface IndexCreation {
  /** The name of the collection. */
  readonly parent: string;
  readonly id: string;
  readonly orderBy: string;
  readonly unique: boolean;
  readonly sparse: boolean;
}

/** The indexes of declared collections. What they hold is built and removed in the background, see index-jobs.ts. */
export interface Indexes {
  /** Declares an index; every write keeps it from then on. Gives the name of the operation that builds it. */
  create(creation: IndexCreation, options?: ChangeOptions): Promise<string>;
  /** Rejects with ResourceError `not-found`. */
  get(name: string, context?: ReadContext): Promise<IndexRecord>;
  list(parent: string, context?: ReadContext): Promise<readonly IndexRecord[]>;
  delete(name: string, options?: ChangeOptions): Promise<void>;
  /** Ends the build of an index, which is gone then. Does nothing if it has ended. Rejects with `not-found`. */
  cancel(operation: string, options?: ChangeOptions): Promise<void>;
}

export interface IndexesDeps {
  readonly ledger: Ledger;
  readonly collections: Collections;
  /** Milliseconds since 1970. Default the time of day. */
  readonly now?: () => number;
}

export function createIndexes({ ledger, collections, now = Date.now }: IndexesDeps): Indexes {
  return {
    create: async ({ parent, id, orderBy, unique, sparse }, options) => {
      assertOrder(orderBy);
      const name = operationName('build', parent, uuidv7());
      const { documents } = await transactFor(
        ledger,
        async (view) => {
          const collection = await collections.read(view, parent, 'index');
          const { indexes } = collection;
          if (indexes.some((index) => index.id === id)) throw alreadyExists(INDEX, `${parent}/indexes/${id}`);
          if (indexes.length >= INDEXES_MAX) throw tooMany();
          const generation = uuidv7();
          const index: IndexRecord = { id, orderBy, unique, sparse, state: 'building', generation };
          return [
            putOperation(name, workOn('build', parent, index)),
            collections.withIndexes(collection, [...indexes, index]),
          ];
        },
        options,
      );
      // Of a call that is repeated, it is the first one's.
      return documents.find((document) => document?.collection === OPERATIONS_COLLECTION)?.id ?? name;
    },
    get: async (name, context) => {
      const { parent, id } = splitIndexName(name);
      const collection = await collections.find(parent, context);
      const index = collection?.indexes.find((known) => known.id === id);
      if (index === undefined) throw notFound(INDEX, 'get', name);
      return index;
    },
    list: async (parent, context) => (await collections.get(parent, context)).indexes,
    delete: async (name, options) => {
      const { parent, id } = splitIndexName(name);
      await transactFor(
        ledger,
        async (view) => {
          const collection = await collections.read(view, parent, 'change');
          const index = collection.indexes.find((known) => known.id === id);
          if (index === undefined) throw notFound(INDEX, 'delete', name);
          const rest = collection.indexes.filter((known) => known !== index);
          return [collections.withIndexes(collection, rest), sweepOf(parent, index)];
        },
        options,
      );
    },
    cancel: async (name, options) => {
      await transactFor(
        ledger,
        async (view) => {
          const operation = await readOperation(view, name);
          if (operation?.kind !== 'build') throw notFound(OPERATIONS, 'cancel', name);
          if (operation.outcome !== undefined) return [];
          const ended = putOperation(name, finished(operation, { outcome: 'cancelled' }, now()));
          const collection = await collections.tryRead(view, operation.parent);
          const index = collection?.indexes.find(({ generation }) => generation === operation.generation);
          if (collection === undefined || index === undefined) return [ended];
          const rest = collection.indexes.filter((known) => known !== index);
          return [ended, collections.withIndexes(collection, rest), sweepOf(operation.parent, index)];
        },
        options,
      );
    },
  };
}

/** The work of removing what is stored of an index, which nobody keeps any more. */
export function sweepOf(parent: string, index: IndexRecord): Write {
  return putOperation(operationName('sweep', parent, uuidv7()), workOn('sweep', parent, index));
}

function workOn(kind: OperationContent['kind'], parent: string, index: IndexRecord): OperationContent {
  const { id, orderBy, unique, sparse, generation } = index;
  return { kind, parent, index: id, orderBy, unique, sparse, generation, position: '', count: 0 };
}

/** Takes `collections/{collection}/indexes/{index}` apart. */
export function splitIndexName(name: string): { readonly parent: string; readonly id: string } {
  const [parent = '', id = ''] = name.split('/indexes/');
  return { parent, id };
}

function assertOrder(orderBy: string): void {
  const order = parseIndexOrder(orderBy);
  if (order.length < 1 || order.length > INDEX_FIELDS_MAX)
    throw new ContentError([{ path: 'order_by', problem: `must name 1 to ${INDEX_FIELDS_MAX} fields` }]);
}

function tooMany(): ContentError {
  return new ContentError([
    { path: '', problem: `would be one of too many: a collection has at most ${INDEXES_MAX} indexes` },
  ]);
}
