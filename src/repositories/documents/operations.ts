import { setTimeout as delay } from 'node:timers/promises';
import type { Write } from '../../ledger/commit.js';
import type { Ledger } from '../../ledger/ledger.js';
import type { TransactionView } from '../../ledger/transact.js';
import { defineResource } from '../definition.js';
import { valueField } from '../filter/schema.js';
import { toPageToken, type ResourcePage } from '../list.js';
import { decodePageToken } from '../page-token.js';
import { readFor, type ReadContext } from '../read-context.js';
import { notFound } from '../refusals.js';
import { createResources } from '../resource.js';
import { ContentError } from './errors.js';
import type { JsonObject } from '../../store/json-value.js';
import type { StateDocument } from '../../store/state.js';

/** The ledger collection that holds work that goes on in the background, by the names of operations. */
export const OPERATIONS_COLLECTION = 'document_operations';

/** Builds of indexes, as those who wait for them see them. */
export interface Operations {
  /** Rejects with ResourceError `not-found`. */
  get(name: string, context?: ReadContext): Promise<Operation>;
  /** Those below `operations` or `operations/collections/{collection}`, in the order of their names. */
  list(query: OperationQuery, context?: ReadContext): Promise<ResourcePage<Operation>>;
  /** Deletes an operation that has ended. One that runs stays, for whoever does it. */
  forget(name: string, context?: ReadContext): Promise<void>;
  /** Waits until it has ended, but not for longer, and gives it as it is then. */
  wait(name: string, waitMs: number, context?: ReadContext): Promise<Operation>;
}

export interface OperationQuery {
  readonly under: string;
  readonly pageSize: number;
  readonly pageToken: string;
}

/** How an operation ended. */
export type OperationOutcome = 'succeeded' | 'conflict' | 'cancelled';

/** Work that is done in many commits, each of which notes here how far it has come. */
export interface Operation extends OperationContent {
  /** `operations/collections/{collection}/{operation}`, or the same below `sweeps`. */
  readonly name: string;
  readonly revision: number;
  /** Milliseconds since 1970. */
  readonly createTime: number;
  /** Milliseconds since 1970. */
  readonly updateTime: number;
}

export interface OperationContent {
  /** `build` puts documents into an index, `sweep` removes what is left of one. */
  readonly kind: 'build' | 'sweep';
  /** The name of the collection. */
  readonly parent: string;
  /** The id of the index. */
  readonly index: string;
  readonly generation: string;
  readonly orderBy: string;
  readonly unique: boolean;
  readonly sparse: boolean;
  /** The last name, or id of an entry, that was done; empty before the first. */
  readonly position: string;
  readonly count: number;
  readonly outcome?: OperationOutcome | undefined;
  /** What was in the way of a build. */
  readonly problem?: string | undefined;
  /** Whether nobody has to know of it any more. */
  readonly expire_time?: string | undefined;
}

export const OPERATIONS = defineResource<Operation, OperationContent>({
  type: 'longrunning.googleapis.com/Operation',
  singular: 'operation',
  collection: OPERATIONS_COLLECTION,
  pattern: 'operations/collections/{collection}/{operation}',
  codec: { encode: encodeOperation, decode: decodeOperation },
  schema: new Map([
    ['name', { type: { kind: 'string' }, field: { kind: 'id' } }],
    valueField('kind', { kind: 'string' }),
    valueField('outcome', { kind: 'string' }),
    valueField('expire_time', { kind: 'timestamp', stored: 'text' }),
  ]),
  indexes: ['outcome'],
  expireTime: 'expire_time',
});

/** The name of the work on an index. Callers see builds only. */
export function operationName(kind: OperationContent['kind'], parent: string, id: string): string {
  return `${kind === 'build' ? 'operations' : 'sweeps'}/${parent}/${id}`;
}

export function putOperation(name: string, content: OperationContent): Write {
  return { kind: 'put', collection: OPERATIONS_COLLECTION, id: name, value: encodeOperation(content) };
}

export async function readOperation(view: TransactionView, name: string): Promise<Operation | undefined> {
  const state = await view.get(OPERATIONS_COLLECTION, name);
  return state && decodeOperation(state);
}

function encodeOperation(content: OperationContent): JsonObject {
  const { kind, parent, index, generation, orderBy, unique, sparse, position, count } = content;
  const { outcome, problem, expire_time } = content;
  return {
    kind,
    parent,
    index,
    generation,
    orderBy,
    unique,
    sparse,
    position,
    count,
    ...(outcome !== undefined && { outcome }),
    ...(problem !== undefined && { problem }),
    ...(expire_time !== undefined && { expire_time }),
  };
}

function decodeOperation({ id, value, revision, createTime, updateTime }: StateDocument): Operation {
  // Only this file writes them.
  return { ...(value as JsonObject & OperationContent), name: id, revision, createTime, updateTime };
}

const UNDER = /^operations(?:\/collections\/[a-z][a-z0-9-]*)?$/;
const LOOK_EVERY_MS = 100;

export function createOperations(ledger: Ledger): Operations {
  const resources = createResources({ ledger }, OPERATIONS);
  const get: Operations['get'] = (name, context) =>
    name.startsWith('operations/') ? resources.get(name, context) : Promise.reject(notFound(OPERATIONS, 'get', name));
  return {
    get,
    list: async ({ under, pageSize, pageToken }, context = {}) => {
      if (!UNDER.test(under))
        throw new ContentError([
          { path: 'name', problem: 'must be operations or operations/collections/{collection}' },
        ]);
      const place = decodePageToken([OPERATIONS_COLLECTION, under], pageToken);
      const after = place?.id ?? '';
      const scanned = await readFor(ledger, context, (options) =>
        ledger.scan(OPERATIONS_COLLECTION, { prefix: `${under}/`, after, limit: pageSize, ...options }),
      );
      const last = scanned.documents.length < pageSize ? undefined : scanned.documents.at(-1);
      return {
        resources: scanned.documents.map(decodeOperation),
        nextPageToken: last === undefined ? '' : toPageToken([OPERATIONS_COLLECTION, under], { keys: [], id: last.id }),
      };
    },
    forget: async (name, context) => {
      const { outcome } = await get(name, context);
      if (outcome !== undefined)
        await resources.delete({ name, etag: '', allowMissing: true }, { signal: context?.signal });
    },
    wait: async (name, waitMs, context) => {
      const until = performance.now() + waitMs;
      for (;;) {
        const operation = await get(name, context);
        const leftMs = until - performance.now();
        if (operation.outcome !== undefined || leftMs <= 0) return operation;
        await delay(Math.min(LOOK_EVERY_MS, leftMs), undefined, context?.signal && { signal: context.signal });
      }
    },
  };
}
