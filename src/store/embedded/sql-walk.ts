import type { CompareLeaf, OrderField } from '../query/condition.js';
import { idDescends, sortKeyOf, type SortKey } from '../query/order.js';
import { isIdOrder, type WalkPlan } from '../query/plan.js';
import type { QueryRequest } from '../query/query.js';
import type { Segment } from '../query/segments.js';
import { conditionSql } from './sql-condition.js';
import { keyExpressions, PARENT } from './sql-fields.js';
import { createSqlParameters, type SqlParameters } from './sql-parameters.js';
import { idRangeSql } from './sql-range.js';

export interface SqlStatement {
  readonly sql: string;
  readonly parameters: readonly (string | number)[];
}

type WalkRequest = Pick<QueryRequest, 'collection' | 'parent' | 'condition' | 'orderBy'>;

/**
 * Makes the statement that walks one segment: at most `limit` rows in order, each with the verdict of the condition in
 * `matched`, the value unless the verdict is no, and the keys of the order in `k0`, `k1` and so on.
 */
export function walkStatement(
  request: WalkRequest,
  { plan, indexName }: { readonly plan: WalkPlan; readonly indexName: string | undefined },
  { segment, limit }: { readonly segment: Segment; readonly limit: number },
): SqlStatement {
  const parameters = createSqlParameters();
  const order = isIdOrder(request.orderBy) ? [] : request.orderBy;
  const keys = order.flatMap(({ field }) => keyExpressions(field));
  const where = [
    ...parentSql(request, plan, segment, parameters),
    ...plan.equal.map((leaf) => equalSql(leaf, parameters)),
    ...plan.bounds.map((leaf) => boundSql(leaf, parameters)),
    ...segmentSql(segment, { order, plan, descendingId: idDescends(request.orderBy) }, parameters),
  ];
  // SQLite sorts by what is the same everywhere, if it is asked to.
  const rest = order.slice(segment.equal.length);
  const matched = conditionSql(request.condition, parameters);
  const columns = ['id', 'value', 'revision', 'create_revision', 'create_time', 'update_time'];
  const inner = `SELECT ${[...columns, ...keys.map((key, index) => `${key} AS k${index}`)].join(', ')}
    FROM "${request.collection}" INDEXED BY "${indexName ?? `sqlite_autoindex_${request.collection}_1`}"
    WHERE ${where.join(' AND ')} ORDER BY ${orderSql(request.orderBy, rest)} LIMIT ${parameters.bind(limit)}`;
  const sql = `SELECT *, ${matched} AS matched FROM (${inner}) AS d`;
  return { sql, parameters: parameters.values() };
}

function orderSql(orderBy: readonly OrderField[], rest: readonly OrderField[]): string {
  const directed = (expression: string, descending: boolean) => `${expression}${descending ? ' DESC' : ''}`;
  const columns = rest.flatMap(({ field, descending }) =>
    keyExpressions(field).map((key) => directed(key, descending)),
  );
  return [...columns, directed('id', idDescends(orderBy))].join(', ');
}

function parentSql(
  { parent, orderBy }: WalkRequest,
  plan: WalkPlan,
  { behindId }: Segment,
  parameters: SqlParameters,
): readonly string[] {
  const isParent = `${PARENT} = ${parameters.bind(parent)}`;
  if (plan.index !== undefined) return [isParent];
  // Ids that go deeper than one part lie in the range too.
  const side = idDescends(orderBy) ? { before: behindId } : { after: behindId };
  return [...idRangeSql({ prefix: parent, ...side }, (id) => parameters.bind(id)), isParent];
}

function equalSql({ field, value }: CompareLeaf, parameters: SqlParameters): string {
  return keysEqualSql(keyExpressions(field), sortKeyOf(value), parameters);
}

function boundSql({ field, comparator, value }: CompareLeaf, parameters: SqlParameters): string {
  const key = sortKeyOf(value);
  const expressions = keyExpressions(field);
  const [rank, scalar] = expressions;
  if (scalar === undefined) return `${rank} ${comparator} ${parameters.bind(key.scalar)}`;
  return `${rank} = ${parameters.bind(key.rank)} AND ${scalar} ${comparator} ${parameters.bind(key.scalar)}`;
}

interface SegmentOrder {
  readonly order: readonly OrderField[];
  readonly plan: WalkPlan;
  readonly descendingId: boolean;
}

function segmentSql(
  { equal, beyond, behindId }: Segment,
  { order, plan, descendingId }: SegmentOrder,
  parameters: SqlParameters,
): string[] {
  const conditions = equal.flatMap((key, position) => {
    const step = order[position];
    return step ? [keysEqualSql(keyExpressions(step.field), key, parameters)] : [];
  });
  const next = order[equal.length];
  if (beyond !== undefined && next !== undefined) conditions.push(keysBeyondSql(next, beyond, parameters));
  // Without an index it is a bound of the range of ids.
  if (behindId !== undefined && plan.index !== undefined)
    conditions.push(`id ${descendingId ? '<' : '>'} ${parameters.bind(behindId)}`);
  return conditions;
}

function keysEqualSql(expressions: readonly string[], key: SortKey, parameters: SqlParameters): string {
  const [rank, scalar] = expressions;
  if (scalar === undefined) return `${rank} = ${parameters.bind(key.scalar)}`;
  return `${rank} = ${parameters.bind(key.rank)} AND ${scalar} = ${parameters.bind(key.scalar)}`;
}

function keysBeyondSql({ field, descending }: OrderField, key: SortKey, parameters: SqlParameters): string {
  const sign = descending ? '<' : '>';
  const [rank, scalar] = keyExpressions(field);
  if (scalar === undefined) return `${rank} ${sign} ${parameters.bind(key.scalar)}`;
  return `(${rank}, ${scalar}) ${sign} (${parameters.bind(key.rank)}, ${parameters.bind(key.scalar)})`;
}
