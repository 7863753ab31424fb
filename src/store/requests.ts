import { createHash } from 'node:crypto';
import type { Commit, CommitRequest, CommitWrite } from './entry.js';
import type { StateDocument } from './state.js';

/** Where the answers to requests are kept, beside the collections that were declared. */
export const REQUESTS_COLLECTION = 'keelson_requests';

/** The id of the record of a request. A hash, because a caller's name may hold what an id may not. */
export function requestRecordId(request: Pick<CommitRequest, 'caller' | 'id'>): string {
  return createHash('sha256')
    .update(JSON.stringify([request.caller, request.id]))
    .digest('hex');
}

/**
 * The record that a commit leaves of its request. It holds the whole result and not the place of the entry, because
 * entries may be dropped sooner than a request may be forgotten.
 */
export function requestDocument(commit: Commit): StateDocument | undefined {
  const { request, revision, time } = commit;
  if (!request) return undefined;
  return {
    collection: REQUESTS_COLLECTION,
    id: requestRecordId(request),
    value: { ...request, writes: JSON.stringify(commit.writes) },
    revision,
    createRevision: revision,
    createTime: time,
    updateTime: time,
  };
}

/** The commit that a record was left by. */
export function commitOfRequest(record: StateDocument): Commit & { readonly request: CommitRequest } {
  const { id, value, revision, updateTime } = record;
  if (!isRequestValue(value)) {
    throw new SyntaxError(`Cannot read the record of request "${id}": it is not one that the ledger wrote`);
  }
  const { writes, ...request } = value;
  return { revision, time: updateTime, request, writes: JSON.parse(writes) as CommitWrite[] };
}

function isRequestValue(value: object): value is CommitRequest & { readonly writes: string } {
  const fields = ['caller', 'id', 'fingerprint', 'writes'];
  return fields.every((field) => typeof Reflect.get(value, field) === 'string');
}
