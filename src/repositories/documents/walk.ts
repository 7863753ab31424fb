import type { Ledger } from '../../ledger/ledger.js';
import { EVERYTHING, type Condition, type OrderField } from '../../store/query/condition.js';
import { parentOf } from '../../store/query/field-value.js';
import { idDescends, placeOf, sortKeyOf, type Place } from '../../store/query/order.js';
import { choosePlan, isIdOrder, type WalkPlan } from '../../store/query/plan.js';
import { compilePredicate } from '../../store/query/predicate.js';
import { QUERY_EXAMINE_MAX, type FoundDocument } from '../../store/query/query.js';
import type { StateDocument } from '../../store/state.js';
import { documentOfEntry, INDEX_ENTRIES_COLLECTION } from './index-entries.js';
import { indexKey, indexKeyOf, indexKeyPrefix } from './index-keys.js';
import type { CollectionIndex } from './settings.js';

/** What a walk looks for: documents below a parent that meet a condition, in an order. */
export interface WalkQuery {
  readonly collection: string;
  /** Ends with a slash. */
  readonly parent: string;
  readonly condition: Condition;
  readonly orderBy: readonly OrderField[];
}

/** A part of a walk. Each document is as it was at some moment since the call; those that changed have to be put in. */
export interface WalkedPart {
  readonly found: readonly FoundDocument[];
  /** Where the next part begins; `undefined` at the end. */
  readonly next: Cursor | undefined;
  readonly examined: number;
}

/** How far a walk has come. */
export interface Cursor {
  /** The last document that was looked at; `undefined` where there was none. */
  readonly place: Place | undefined;
  /** The last entry of an index, which may be that of a document which is gone. */
  readonly entry?: string;
}

/** Gives the next part behind a place, of at most `limit` documents. */
export type Walk = (after: Cursor | undefined, limit: number, signal?: AbortSignal) => Promise<WalkedPart>;

const ENTRIES_MAX = 500;

// The settings were read before, as new as was asked for; since then the process has at least that.
const NOW = { freshness: 'any' } as const;

// Behind every character that an entry has in its id.
const BEHIND_ALL = '\u007f';

/** Whether the order or the filter can be served by one of the indexes that were declared for the collection. */
export function findIndexPlan(query: WalkQuery, indexes: readonly CollectionIndex[]): IndexPlan | undefined {
  const usable = indexes.filter(({ state }) => state === 'ready');
  const declarations = usable.map(({ order }) => ({ fields: order }));
  const plan = choosePlan(query, declarations);
  if (plan.kind !== 'walk' || plan.index === undefined) return undefined;
  const index = usable[declarations.findIndex((declaration) => declaration === plan.index)];
  // A sparse index lacks documents without its fields; those that equal something have one.
  if (index === undefined || (index.sparse && plan.equal.length === 0)) return undefined;
  return { index, plan };
}

export interface IndexPlan {
  readonly index: CollectionIndex;
  readonly plan: WalkPlan;
}

/** Walks by the engine's own order and indexes. */
export function createEngineWalk(ledger: Ledger, query: WalkQuery): Walk {
  const { collection, ...rest } = query;
  return async (after, limit, signal) => {
    const options = { ...rest, after: after?.place, limit, examineMax: QUERY_EXAMINE_MAX, signal, ...NOW };
    const { found, next, examined } = await ledger.query(collection, options);
    return { found, next: next && { place: next }, examined };
  };
}

/** Walks along a declared index: its entries first, then the documents that they name. */
export function createIndexWalk(ledger: Ledger, query: WalkQuery, { index, plan }: IndexPlan): Walk {
  const { collection, parent, condition, orderBy } = query;
  const order = isIdOrder(orderBy) ? [] : orderBy;
  const equal = plan.equal.map(({ value }) => sortKeyOf(value));
  const prefix = `${index.generation}/${indexKeyPrefix(equal, index.order)}`;
  const isReversed = idDescends(orderBy) !== idDescends(index.order);
  const matches = compilePredicate(condition);
  const entryAt = ({ keys, id }: Place) =>
    `${index.generation}/${indexKey({ keys: [...equal, ...keys.slice(0, order.length)], id }, index.order)}`;
  const isOf = (entry: StateDocument, document: StateDocument | undefined): document is StateDocument =>
    document !== undefined && entry.id === `${index.generation}/${indexKeyOf(document, index.order)}`;
  return async (after, limit, signal) => {
    const behind = after?.entry ?? (after?.place && entryAt(after.place));
    const start = behind ?? (isReversed ? prefix + BEHIND_ALL : prefix);
    const { found: walked, next } = await ledger.query(INDEX_ENTRIES_COLLECTION, {
      parent: `${index.generation}/`,
      condition: EVERYTHING,
      orderBy: isReversed ? [{ field: { kind: 'id' }, descending: true }] : [],
      after: { keys: [], id: start },
      limit: Math.min(limit, ENTRIES_MAX),
      examineMax: QUERY_EXAMINE_MAX,
      signal,
      ...NOW,
    });
    const entries = walked.map(({ document }) => document).filter(({ id }) => id.startsWith(prefix));
    const isEnd = next === undefined || entries.length < walked.length;
    const names = entries.map(documentOfEntry);
    const { documents } = await readMany(ledger, collection, names, signal);
    const live = entries.flatMap((entry, position) => {
      const document = documents[position];
      return isOf(entry, document) && parentOf(document.id) === parent ? [document] : [];
    });
    const places = live.map((document) => ({ document, place: placeOf(document, order) }));
    const last = entries.at(-1);
    return {
      found: places.filter(({ document }) => matches(document)),
      next: isEnd || last === undefined ? undefined : { place: places.at(-1)?.place ?? after?.place, entry: last.id },
      examined: walked.length,
    };
  };
}

function readMany(ledger: Ledger, collection: string, names: readonly string[], signal: AbortSignal | undefined) {
  return names.length === 0 ? { documents: [] } : ledger.getMany(collection, names, { signal, ...NOW });
}
