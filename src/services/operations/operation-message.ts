import type { Operation as OperationMessage } from '../../../gen/google/longrunning/operations.js';
import { BuildIndexMetadata, Index, IndexState } from '../../../gen/keelson/documents/v1/collection_service.js';
import type { Operation, Operations } from '../../repositories/documents/operations.js';
import type { ReadContext } from '../../repositories/read-context.js';
import { toTimestamp } from '../timestamp.js';

const TYPE_PREFIX = 'type.googleapis.com/';
const CANCELLED = 1;
const FAILED_PRECONDITION = 9;

/** Reads operations as their contract has them. */
export interface OperationReader {
  get(name: string, context: ReadContext): Promise<OperationMessage>;
}

export function createOperationReader(deps: { operations: Pick<Operations, 'get'> }): OperationReader {
  return { get: async (name, context) => toOperationMessage(await deps.operations.get(name, context)) };
}

/** Turns a build of an index into what google.longrunning has for it. */
export function toOperationMessage(operation: Operation): OperationMessage {
  const { name, parent, index, count, position, createTime, outcome } = operation;
  const metadata = {
    index: `${parent}/indexes/${index}`,
    indexedCount: BigInt(count),
    position,
    createTime: toTimestamp(createTime),
  };
  return {
    name,
    metadata: {
      typeUrl: `${TYPE_PREFIX}keelson.documents.v1.BuildIndexMetadata`,
      value: Buffer.from(BuildIndexMetadata.encode(metadata).finish()),
    },
    done: outcome !== undefined,
    result: resultOf(operation),
  };
}

function resultOf({ parent, index, orderBy, unique, sparse, outcome, problem }: Operation): OperationMessage['result'] {
  const name = `${parent}/indexes/${index}`;
  switch (outcome) {
    case undefined:
      return undefined;
    case 'succeeded': {
      const built = { name, orderBy, unique, sparse, state: IndexState.INDEX_STATE_READY };
      return {
        $case: 'response',
        value: {
          typeUrl: `${TYPE_PREFIX}keelson.documents.v1.Index`,
          value: Buffer.from(Index.encode(built).finish()),
        },
      };
    }
    case 'conflict':
      return failure(FAILED_PRECONDITION, `Cannot build index "${name}": ${problem ?? ''}`);
    case 'cancelled':
      return failure(CANCELLED, `Build of index "${name}" was cancelled: the index was deleted`);
  }
}

function failure(code: number, message: string): OperationMessage['result'] {
  return { $case: 'error', value: { code, message, details: [] } };
}
