import { AggregateFunction, type Aggregation } from '../../../gen/keelson/documents/v1/aggregation.js';
import type {
  AggregateDocumentsRequest,
  AggregateDocumentsResponse,
} from '../../../gen/keelson/documents/v1/document_service.js';
import { createAggregator, type Aggregation as Computed } from '../../repositories/documents/aggregate.js';
import type { Documents } from '../../repositories/documents.js';
import type { CallContext } from '../../rpc/context.js';
import type { JsonObject } from '../../store/json-value.js';
import { invalidRequest } from '../../rpc/errors.js';

const FUNCTIONS = new Map<AggregateFunction, Computed['kind']>([
  [AggregateFunction.AGGREGATE_FUNCTION_COUNT, 'count'],
  [AggregateFunction.AGGREGATE_FUNCTION_SUM, 'sum'],
  [AggregateFunction.AGGREGATE_FUNCTION_AVERAGE, 'average'],
  [AggregateFunction.AGGREGATE_FUNCTION_MIN, 'min'],
  [AggregateFunction.AGGREGATE_FUNCTION_MAX, 'max'],
]);

/** Computes sums, averages and extremes at one revision. */
export function createAggregateDocuments(deps: { documents: Pick<Documents, 'snapshot'> }) {
  return async function aggregateDocuments(
    ctx: CallContext,
    { parent, filter, aggregations, groupBy }: AggregateDocumentsRequest,
  ): Promise<AggregateDocumentsResponse> {
    const aggregator = createAggregator(aggregations.map(toComputed), groupBy);
    const project = (fields: JsonObject) => aggregator.project(fields);
    const snapshot = await deps.documents.snapshot({ parent, filter, orderBy: '', project }, ctx);
    try {
      for await (const { fields } of snapshot.documents()) aggregator.add(fields);
      const groups = aggregator.groups().map(({ key, results }) => ({
        key,
        results: new Map(results.map(({ alias, value }) => [alias, value])),
      }));
      return { groups, revision: BigInt(snapshot.revision) };
    } finally {
      await snapshot.close();
    }
  };
}

function toComputed(
  { alias, function: wanted, field }: Aggregation,
  index: number,
  all: readonly Aggregation[],
): Computed {
  const at = `aggregations[${index}]`;
  if (all.findIndex((other) => other.alias === alias) < index)
    throw invalidRequest([{ field: `${at}.alias`, description: `is taken by another aggregation: "${alias}"` }]);
  const kind = FUNCTIONS.get(wanted);
  if (kind === undefined) throw invalidRequest([{ field: `${at}.function`, description: 'is unknown' }]);
  if (kind === 'count' && field !== '')
    throw invalidRequest([{ field: `${at}.field`, description: 'must be empty: all documents are counted' }]);
  return { alias, kind, field };
}
