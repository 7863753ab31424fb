import type { Awaitable } from '../../async/awaitable.js';
import type { Ledger } from '../../ledger/ledger.js';
import { EVERYTHING } from '../../store/query/condition.js';
import type { JsonObject } from '../../store/json-value.js';
import { placeOf, type Place } from '../../store/query/order.js';
import { isIdOrder } from '../../store/query/plan.js';
import { QUERY_EXAMINE_MAX } from '../../store/query/query.js';
import type { StateDocument } from '../../store/state.js';
import { prefixOf } from '../definition.js';
import { createExpiry } from '../expiry.js';
import { compileFilter } from '../filter/resolve.js';
import { toPageToken, type ListQuery, type ResourcePage } from '../list.js';
import { parseOrderBy } from '../order-by.js';
import { decodePageToken } from '../page-token.js';
import { readFor, readHeld, type ReadContext } from '../read-context.js';
import type { DocumentKind } from './plan-changes.js';
import { COLLECTIONS_COLLECTION, readSettings, type CollectionSettings } from './settings.js';
import { takeSnapshot, type Snapshot } from './snapshot.js';
import { createEngineWalk, createIndexWalk, findIndexPlan, type IndexPlan, type WalkQuery } from './walk.js';

const KIB = 1024;
const MIB = 1024 * KIB;

/** A page ends early when its documents would make more than this, as JSON; a message may hold 4 MiB. */
const PAGE_BYTES_MAX = 2 * MIB;

export interface DocumentQuery {
  readonly parent: string;
  readonly filter: string;
  readonly orderBy: string;
  /** Default all. */
  readonly limit?: number;
  readonly project?: ((fields: JsonObject) => JsonObject) | undefined;
}

/** Reads of a collection that go by its settings: along declared indexes, and at one revision. */
export interface DocumentQueries {
  settings(parent: string, context?: ReadContext): Awaitable<CollectionSettings>;
  /** All documents that are asked for, at one revision. Whoever takes it closes it. */
  snapshot(query: DocumentQuery, context?: ReadContext): Promise<Snapshot>;
  /** A page along a declared index; `undefined` if none serves. */
  listAlongIndex(query: ListQuery, context?: ReadContext): Promise<ResourcePage<StateDocument> | undefined>;
}

export interface DocumentQueriesDeps {
  readonly ledger: Ledger;
  readonly definition: DocumentKind;
  readonly now: () => number;
}

export function createDocumentQueries({ ledger, definition, now }: DocumentQueriesDeps): DocumentQueries {
  const { collection } = definition;
  const expiry = createExpiry(definition, now);
  const settings: DocumentQueries['settings'] = (parent, context = {}) => {
    const held = readHeld(ledger, { collection: COLLECTIONS_COLLECTION, id: parent }, context);
    if (held !== undefined) return readSettings(held.value);
    return readFor(ledger, context, async (options) =>
      readSettings(await ledger.get(COLLECTIONS_COLLECTION, parent, options)),
    );
  };
  const compile = ({ parent, filter, orderBy }: Pick<DocumentQuery, 'parent' | 'filter' | 'orderBy'>): WalkQuery => ({
    collection,
    parent: prefixOf(definition, parent),
    condition: filter === '' ? EVERYTHING : compileFilter(filter, definition.schema),
    orderBy: parseOrderBy(orderBy, definition.schema),
  });
  const walkAlong = (query: WalkQuery, plan: IndexPlan | undefined) =>
    plan === undefined ? createEngineWalk(ledger, query) : createIndexWalk(ledger, query, plan);
  return {
    settings,
    snapshot: async ({ limit, project, ...query }, context = {}) => {
      const compiled = compile(query);
      const plan = findIndexPlan(compiled, (await settings(query.parent, context)).indexes);
      const options = { ...compiled, project, signal: context.signal, ...(limit !== undefined && { limit }) };
      const snapshot = await takeSnapshot({ ledger, expiry, walk: walkAlong(compiled, plan) }, options);
      context.consistency?.saw(snapshot.revision);
      return snapshot;
    },
    listAlongIndex: async ({ parent, pageSize, pageToken, filter = '', orderBy = '' }, context = {}) => {
      if (filter === '' && orderBy === '') return undefined;
      const compiled = compile({ parent, filter, orderBy });
      const plan = findIndexPlan(compiled, (await settings(parent, context)).indexes);
      if (plan === undefined) return undefined;
      const identity = [collection, parent, filter, orderBy];
      const after = decodePageToken(identity, pageToken);
      const options = {
        ...compiled,
        after,
        limit: pageSize + 1,
        examineMax: QUERY_EXAMINE_MAX,
        signal: context.signal,
      };
      const snapshot = await takeSnapshot({ ledger, expiry, walk: walkAlong(compiled, plan) }, options);
      context.consistency?.saw(snapshot.revision);
      try {
        return await takePage(snapshot, { pageSize, identity, query: compiled });
      } finally {
        await snapshot.close();
      }
    },
  };
}

interface PageOptions {
  readonly pageSize: number;
  readonly identity: readonly string[];
  readonly query: WalkQuery;
}

async function takePage(
  snapshot: Snapshot,
  { pageSize, identity, query }: PageOptions,
): Promise<ResourcePage<StateDocument>> {
  const resources: StateDocument[] = [];
  let bytes = 0;
  for await (const document of snapshot.documents()) {
    bytes += Buffer.byteLength(JSON.stringify(document.value));
    const last = resources.at(-1);
    if (last !== undefined && (resources.length === pageSize || bytes > PAGE_BYTES_MAX))
      return { resources, nextPageToken: toPageToken(identity, placeIn(last, query)) };
    resources.push(document);
  }
  const { next } = snapshot;
  return { resources, nextPageToken: next === undefined ? '' : toPageToken(identity, next) };
}

function placeIn(document: StateDocument, { orderBy }: WalkQuery): Place {
  return placeOf(document, isIdOrder(orderBy) ? [] : orderBy);
}
