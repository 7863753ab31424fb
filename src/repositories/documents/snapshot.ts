import type { Ledger } from '../../ledger/ledger.js';
import type { JsonObject, JsonValue } from '../../store/json-value.js';
import { comparePlaces, placeOf, type Place, type SortKey } from '../../store/query/order.js';
import { isIdOrder } from '../../store/query/plan.js';
import { compilePredicate } from '../../store/query/predicate.js';
import type { StateDocument } from '../../store/state.js';
import type { Expiry } from '../expiry.js';
import { collectChanges, type ChangesMeanwhile } from './changes-meanwhile.js';
import { createSpool, type Spool } from './spool.js';
import type { Cursor, Walk, WalkQuery } from './walk.js';

const PART_DOCUMENTS = 1_000;

export interface SnapshotQuery extends WalkQuery {
  readonly after?: Place | undefined;
  /** Documents to find at most. Default all. */
  readonly limit?: number;
  /** Documents to look at, at most; then the snapshot ends early and says where. Default all. */
  readonly examineMax?: number;
  /** What is kept of the content of a document. Default all of it. */
  readonly project?: ((fields: JsonObject) => JsonObject) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface SnapshotDeps {
  readonly ledger: Ledger;
  readonly expiry: Expiry;
  readonly walk: Walk;
}

/** Documents as they are together at one revision. */
export interface Snapshot {
  readonly revision: number;
  /** How many documents there are, about: some may have changed meanwhile. */
  readonly count: number;
  /** Where it ended early; `undefined` if nothing is behind it. */
  readonly next: Place | undefined;
  /** Gives the documents in their order, once. */
  documents(): AsyncIterable<StateDocument>;
  /** Gives up what it keeps. */
  close(): Promise<void>;
}

/**
 * Reads documents part by part, notes what is committed meanwhile, and puts it in: a document that did not change is as it
 * was read, one that did is as the log has it at the end. Together they are the state at the last revision, on any store.
 * They are kept beside until then, in a file where they are many. Rejects with SnapshotError and OrderNeedsIndexError.
 */
export async function takeSnapshot(deps: SnapshotDeps, query: SnapshotQuery): Promise<Snapshot> {
  const { collection, parent: prefix } = query;
  const changes = collectChanges(deps.ledger, { collection, prefix });
  const spool = createSpool();
  try {
    const { covered, count } = await readParts(deps, query, { changes, spool });
    // In one step: from here on nothing is taken in any more.
    changes.stop();
    changes.assertKnown();
    const revision = deps.ledger.revision();
    const changed = changedDocuments(deps, query, { changes, covered });
    return {
      revision,
      count,
      next: covered,
      documents: () => merge(spool, query, { changes, changed }),
      close: () => spool.close(),
    };
  } catch (err) {
    await spool.close();
    throw err;
  } finally {
    changes.stop();
  }
}

interface Reading {
  readonly changes: ChangesMeanwhile;
  readonly spool: Spool;
}

interface Read {
  /** The place up to which all was read; `undefined` for the end. */
  readonly covered: Place | undefined;
  readonly count: number;
}

async function readParts(
  { walk, expiry }: SnapshotDeps,
  { after, limit = Infinity, examineMax = Infinity, project = (fields) => fields, signal }: SnapshotQuery,
  { changes, spool }: Reading,
): Promise<Read> {
  let cursor: Cursor | undefined = after && { place: after };
  let read = 0;
  let examined = 0;
  for (;;) {
    // What changed may drop out, so that as many more are read.
    const wanted = limit + changes.documents.size - read;
    const part = await walk(cursor, Math.min(PART_DOCUMENTS, Math.max(1, wanted)), signal);
    changes.assertKnown();
    for (const { document, place } of part.found) {
      if (changes.documents.has(document.id) || !expiry.isThere(document)) continue;
      const fields = project((document.value['fields'] ?? {}) as JsonObject);
      await spool.add(toRecord(document, place, fields));
      read += 1;
    }
    examined += part.examined;
    cursor = part.next;
    if (cursor === undefined) return { covered: undefined, count: read };
    const isEnough = read >= limit + changes.documents.size || examined >= examineMax;
    if (isEnough && cursor.place !== undefined) return { covered: cursor.place, count: read };
  }
}

interface Known {
  readonly changes: ChangesMeanwhile;
  readonly covered: Place | undefined;
}

/** What changed meanwhile and is in what was read, in its order. */
function changedDocuments(
  { expiry }: SnapshotDeps,
  { condition, orderBy, after, project = (fields) => fields }: SnapshotQuery,
  { changes, covered }: Known,
): readonly PlacedDocument[] {
  const matches = compilePredicate(condition);
  const order = isIdOrder(orderBy) ? [] : orderBy;
  return [...changes.documents.values()]
    .filter((document) => expiry.isThere(document))
    .filter((document) => matches(document))
    .map((document) => ({ document: projected(document, project), place: placeOf(document, order) }))
    .filter(({ place }) => after === undefined || comparePlaces(place, after, orderBy) > 0)
    .filter(({ place }) => covered === undefined || comparePlaces(place, covered, orderBy) <= 0)
    .sort((a, b) => comparePlaces(a.place, b.place, orderBy));
}

interface PlacedDocument {
  readonly document: StateDocument;
  readonly place: Place;
}

async function* merge(
  spool: Spool,
  { orderBy, limit = Infinity }: SnapshotQuery,
  { changes, changed }: { readonly changes: ChangesMeanwhile; readonly changed: readonly PlacedDocument[] },
): AsyncGenerator<StateDocument> {
  const rest = [...changed];
  let given = 0;
  for await (const record of spool.read()) {
    const { document, place } = fromRecord(record);
    if (changes.documents.has(document.id)) continue;
    for (let next = rest[0]; next && comparePlaces(next.place, place, orderBy) < 0; next = rest[0]) {
      if (given === limit) return;
      given += 1;
      yield next.document;
      rest.shift();
    }
    if (given === limit) return;
    given += 1;
    yield document;
  }
  for (const { document } of rest.slice(0, Math.min(rest.length, limit - given))) yield document;
}

function projected(document: StateDocument, project: (fields: JsonObject) => JsonObject): StateDocument {
  const fields = project((document.value['fields'] ?? {}) as JsonObject);
  return { ...document, value: { ...document.value, fields } };
}

type SpoolRecord = readonly [
  collection: string,
  id: string,
  keys: readonly (readonly [rank: number, scalar: string | number])[],
  value: JsonObject,
  revision: number,
  createRevision: number,
  createTime: number,
  updateTime: number,
];

function toRecord(document: StateDocument, { keys }: Place, fields: JsonObject): JsonValue {
  const { collection, id, value, revision, createRevision, createTime, updateTime } = document;
  const sortKeys = keys.map(({ rank, scalar }) => [rank, scalar] as const);
  return [collection, id, sortKeys, { ...value, fields }, revision, createRevision, createTime, updateTime];
}

function fromRecord(record: JsonValue): PlacedDocument {
  // The spool gives back what toRecord made.
  const [collection, id, keys, value, revision, createRevision, createTime, updateTime] = record as SpoolRecord &
    JsonValue;
  const document = { collection, id, value, revision, createRevision, createTime, updateTime };
  return { document, place: { id, keys: keys.map(([rank, scalar]): SortKey => ({ rank, scalar })) } };
}
