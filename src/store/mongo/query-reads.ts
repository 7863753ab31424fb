import type { Collection, Document, Sort } from 'mongodb';
import { idDescends, placeOf, type Place } from '../query/order.js';
import { choosePlan, isIdOrder, type WalkPlan } from '../query/plan.js';
import { compilePredicate, type Predicate } from '../query/predicate.js';
import {
  OrderNeedsIndexError,
  SORT_DOCUMENTS_MAX,
  type FoundDocument,
  type IndexDeclaration,
  type QueryRead,
  type QueryRequest,
} from '../query/query.js';
import { segmentsBehind, type Segment } from '../query/segments.js';
import { createSorter } from '../query/sort-all.js';
import type { StateDocument } from '../state.js';
import { countLeaves, createWork } from '../query/work.js';
import { type StoredDocument, toStateDocument } from './documents.js';
import { candidateFilter, storedPath } from './query-filter.js';
import { leafRange, parentRange, segmentRange, sortOf } from './query-range.js';

const BATCH_FIRST = 100;
const BATCH_MAX = 250;

type Documents = Collection<StoredDocument>;
type Found = Pick<QueryRead, 'found' | 'next' | 'examined'>;

/** Runs a query. The server gives no snapshot, so the answer is never exact. */
export async function queryDocuments(
  documents: Documents,
  request: QueryRequest,
  indexes: readonly IndexDeclaration[],
): Promise<QueryRead> {
  const plan = choosePlan(request, indexes);
  const matches = compilePredicate(request.condition);
  const query = { documents, request, matches };
  const found = plan.kind === 'walk' ? await walk(query, plan) : await sortAll(query);
  return { ...found, revision: request.at, exact: false };
}

interface Query {
  readonly documents: Documents;
  readonly request: QueryRequest;
  readonly matches: Predicate;
}

/** Reads documents in order, a bounded number at a time, until enough of them meet the condition. */
async function walk(query: Query, plan: WalkPlan): Promise<Found> {
  const { request, matches } = query;
  const { condition, limit, examineMax } = request;
  const found: FoundDocument[] = [];
  let examined = 0;
  let last = request.after;
  const work = createWork(condition);
  // One more than is wanted tells whether there is more.
  for (let batch = Math.min(BATCH_FIRST, limit + 1); examined < examineMax; batch = BATCH_MAX) {
    const wanted = Math.min(batch, examineMax - examined);
    const walked = await readBatch(query, plan, { after: last, count: wanted });
    for (const { place, document } of walked) {
      if (found.length === limit || work.isDone()) return { found, next: last, examined };
      examined += 1;
      last = place;
      if (document) work.add(bytesOf(document));
      if (document && matches(document)) found.push({ document, place });
    }
    if (walked.length < wanted) return { found, next: undefined, examined };
  }
  return { found, next: last, examined };
}

function bytesOf({ value }: StateDocument): number {
  return JSON.stringify(value).length;
}

interface Walked {
  readonly place: Place;
  /** `undefined` if it does not meet the condition. */
  readonly document: StateDocument | undefined;
}

interface Batch {
  readonly after: Place | undefined;
  readonly count: number;
}

/** With a condition, reads keys first, then those of the documents that may meet it. */
async function readBatch(query: Query, plan: WalkPlan, batch: Batch): Promise<Walked[]> {
  const { condition, orderBy } = query.request;
  const order = isIdOrder(orderBy) ? [] : orderBy;
  const walked = await readWalk(query, plan, batch);
  const places = walked.map((document) => ({ place: placeOf(document, order), document }));
  if (countLeaves(condition) === 0) return places;
  const candidates = await readCandidates(
    query,
    places.map(({ place }) => place),
  );
  return places.map(({ place }) => ({ place, document: candidates.get(place.id) }));
}

async function readWalk(
  { documents, request }: Query,
  plan: WalkPlan,
  { after, count }: Batch,
): Promise<StateDocument[]> {
  const { collection, condition, orderBy, signal } = request;
  const order = isIdOrder(orderBy) ? [] : orderBy;
  const projection = countLeaves(condition) === 0 ? {} : { projection: keysOf(request) };
  const walked: StateDocument[] = [];
  for (const segment of segmentsBehind(after, order)) {
    const range = walkRange(request, plan, segment);
    if (range === undefined || walked.length === count) continue;
    const options = { limit: count - walked.length, ...projection, ...(signal && { signal }) };
    const stored = await documents.find(range.filter, { ...options, sort: range.sort }).toArray();
    walked.push(...stored.flatMap((one) => toStateDocument(collection, one) ?? []));
  }
  return walked;
}

/** What a walk finds in a segment, and in which order; `undefined` if nothing can be there. */
export function walkRange(
  { orderBy, parent }: Pick<QueryRequest, 'orderBy' | 'parent'>,
  plan: WalkPlan,
  segment: Segment,
): { readonly filter: Document; readonly sort: Sort } | undefined {
  const order = isIdOrder(orderBy) ? [] : orderBy;
  const descendingId = idDescends(orderBy);
  const range = segmentRange(segment, order, descendingId);
  if (range === undefined) return undefined;
  const below = plan.index === undefined ? parentRange(parent) : { parent };
  const filter = { $and: [below, ...leafRange([...plan.equal, ...plan.bounds]), ...range] };
  return { filter, sort: sortOf(order.slice(segment.equal.length), descendingId) };
}

// What the order needs, and what every document needs to be one.
function keysOf({ orderBy }: QueryRequest): Document {
  const paths = orderBy.flatMap(({ field }) => (field.kind === 'value' ? (storedPath(field) ?? []) : []));
  const keys = { revision: 1, createRevision: 1, createTime: 1, updateTime: 1 };
  return { ...keys, ...Object.fromEntries(paths.map((path) => [path, 1])) };
}

async function readCandidates(
  { documents, request }: Query,
  places: readonly Place[],
): Promise<Map<string, StateDocument>> {
  const { collection, condition, signal } = request;
  if (places.length === 0) return new Map();
  const ids = { _id: { $in: places.map(({ id }) => id) } };
  const filter = candidateFilter(condition);
  const stored = await documents.find(filter ? { $and: [ids, filter] } : ids, { ...(signal && { signal }) }).toArray();
  return new Map(stored.flatMap((one) => toStateDocument(collection, one) ?? []).map((one) => [one.id, one]));
}

async function sortAll(query: Query): Promise<Found> {
  const { documents, request, matches } = query;
  const { collection, parent, condition, limit, signal } = request;
  const below = parentRange(parent);
  const count = await documents.countDocuments(below, { limit: SORT_DOCUMENTS_MAX + 1, ...(signal && { signal }) });
  if (count > SORT_DOCUMENTS_MAX) throw new OrderNeedsIndexError();
  const sorter = createSorter(request, matches);
  const filter = candidateFilter(condition);
  const cursor = documents.find(filter ? { $and: [below, filter] } : below, { ...(signal && { signal }) });
  for await (const stored of cursor) {
    const document = toStateDocument(collection, stored);
    if (document) sorter.add(document, bytesOf(document));
  }
  const places = sorter.first();
  const wanted = places.slice(0, limit);
  const read = await readCandidates(query, wanted);
  const found = wanted.flatMap((place) => {
    const document = read.get(place.id);
    return document ? [{ document, place }] : [];
  });
  return { found, next: places.length > limit ? wanted.at(-1) : undefined, examined: count };
}
