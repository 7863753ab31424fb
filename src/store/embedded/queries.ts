import type Database from 'libsql';
import type { Place, SortKey } from '../query/order.js';
import { RANKS } from '../query/order.js';
import { choosePlan, isIdOrder, type WalkPlan } from '../query/plan.js';
import { compilePredicate, type Predicate } from '../query/predicate.js';
import { parentOf } from '../query/field-value.js';
import type { FoundDocument, IndexDeclaration, QueryRead, QueryRequest } from '../query/query.js';
import { segmentsBehind } from '../query/segments.js';
import { createSorter } from '../query/sort-all.js';
import { createWork } from '../query/work.js';
import { documentOfRow, type DocumentRow } from './document-row.js';
import { eachRow } from './each-row.js';
import { indexName } from './indexes.js';
import { createSqlParameters } from './sql-parameters.js';
import { idRangeSql } from './sql-range.js';
import { walkStatement } from './sql-walk.js';

/** What was found, without the revision, which the caller's snapshot knows. */
export type Found = Pick<QueryRead, 'found' | 'next' | 'examined'>;

/** Runs a query on one snapshot of the database. */
export function runQuery(db: Database.Database, request: QueryRequest, indexes: readonly IndexDeclaration[]): Found {
  const plan = choosePlan(request, indexes);
  const matches = compilePredicate(request.condition);
  return plan.kind === 'walk' ? walk(db, { request, plan, matches }) : sortAll(db, request, matches);
}

interface Walk {
  readonly request: QueryRequest;
  readonly plan: WalkPlan;
  readonly matches: Predicate;
}

interface WalkedRow extends DocumentRow {
  /** Null where the predicate has to judge. */
  readonly matched: number | null;
}

function walk(db: Database.Database, { request, plan, matches }: Walk): Found {
  const { collection, condition, orderBy, after, limit, examineMax } = request;
  const found: FoundDocument[] = [];
  let examined = 0;
  let last = after;
  const work = createWork(condition);
  const name = plan.index && indexName(collection, plan.index);
  for (const segment of segmentsBehind(after, isIdOrder(orderBy) ? [] : orderBy)) {
    // One more than may be examined tells whether there is more.
    const { sql, parameters } = walkStatement(
      request,
      { plan, indexName: name },
      { segment, limit: examineMax - examined + 1 },
    );
    for (const row of eachRow(db.prepare(sql), parameters) as Iterable<WalkedRow>) {
      if (found.length === limit || examined === examineMax || work.isDone()) return { found, next: last, examined };
      examined += 1;
      work.add(row.value.length);
      last = placeOfRow(row, request);
      if (row.matched === 0) continue;
      const document = documentOfRow(collection, row);
      if (row.matched === 1 || matches(document)) found.push({ document, place: last });
    }
  }
  return { found, next: undefined, examined };
}

// By the keys as SQLite has them, so that the next page begins where SQLite stopped.
function placeOfRow(row: WalkedRow, { orderBy }: QueryRequest): Place {
  const columns = new Map(Object.entries(row)) as ReadonlyMap<string, string | number>;
  let column = 0;
  const next = () => columns.get(`k${column++}`) ?? 0;
  if (isIdOrder(orderBy)) return { keys: [], id: row.id };
  const keys = orderBy.map(({ field }): SortKey => {
    if (field.kind === 'value') return { rank: Number(next()), scalar: next() };
    return { rank: field.kind === 'id' ? RANKS.string : RANKS.number, scalar: next() };
  });
  return { keys, id: row.id };
}

function sortAll(db: Database.Database, request: QueryRequest, matches: Predicate): Found {
  const { collection, parent, limit } = request;
  const sorter = createSorter(request, matches);
  const parameters = createSqlParameters();
  const range = idRangeSql({ prefix: parent }, (id) => parameters.bind(id)).join(' AND ');
  const rows = eachRow(db.prepare(`SELECT * FROM "${collection}" WHERE ${range}`), parameters.values());
  for (const row of rows as Iterable<DocumentRow>) {
    if (parentOf(row.id) === parent) sorter.add(documentOfRow(collection, row), row.value.length);
  }
  const get = db.prepare(`SELECT * FROM "${collection}" WHERE id = ?`);
  const places = sorter.first();
  const found = places
    .slice(0, limit)
    .map((place) => ({ place, document: documentOfRow(collection, get.get([place.id]) as DocumentRow) }));
  const next = places.length > limit ? found.at(-1)?.place : undefined;
  return { found, next, examined: sorter.examined() };
}
