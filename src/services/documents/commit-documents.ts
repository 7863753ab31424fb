import {
  CommitDocumentsRequest,
  type CommitDocumentsResponse,
  type DocumentWrite,
} from '../../../gen/keelson/documents/v1/document_service.js';
import type { DocumentChange, DocumentCondition } from '../../repositories/documents/document-changes.js';
import type { Documents } from '../../repositories/documents.js';
import type { CallContext } from '../../rpc/context.js';
import { invalidRequest } from '../../rpc/errors.js';
import { changeOptions } from '../change-request.js';
import { readFields } from './document-fields.js';
import { toMessage } from './document-message.js';
import { assertInCollection } from './in-collection.js';
import { toTransform } from './field-transform.js';

/** Makes several changes at one revision, or none of them. */
export function createCommitDocuments(deps: { documents: Pick<Documents, 'commit'> }) {
  return async function commitDocuments(
    ctx: CallContext,
    request: CommitDocumentsRequest,
  ): Promise<CommitDocumentsResponse> {
    const { parent, requestId } = request;
    const changes = request.writes.map((write, index) => toChange(write, { parent, at: `writes[${index}]` }));
    assertOnce(changes);
    const encode = () => CommitDocumentsRequest.encode(request).finish();
    const options = changeOptions(ctx, { method: 'CommitDocuments', requestId, encode });
    const { revision, documents } = await deps.documents.commit(parent, changes, options);
    return {
      documents: documents.map((document, index) =>
        document === undefined ? goneMessage(changes[index]?.name ?? '') : toMessage(document),
      ),
      revision: BigInt(revision),
    };
  };
}

interface Place {
  readonly parent: string;
  /** The path of the write in the request. */
  readonly at: string;
}

function toChange(write: DocumentWrite, { parent, at }: Place): DocumentChange {
  const { operation, precondition, updateMask, transforms, keepFields } = write;
  const condition = toCondition(precondition?.condition);
  if (operation?.$case === 'delete') {
    const isPlain = updateMask === undefined && transforms.length === 0 && !keepFields;
    if (!isPlain)
      throw invalidRequest([{ field: at, description: 'deletes, and so must have no mask and no transforms' }]);
    assertInCollection(operation.value, { parent, field: `${at}.delete` });
    return { kind: 'delete', name: operation.value, condition };
  }
  const name = operation?.value.name ?? '';
  assertInCollection(name, { parent, field: `${at}.update.name` });
  const fields = readFields(`${at}.update.fields`, operation?.value.fields);
  if (keepFields && (updateMask !== undefined || Object.keys(fields).length > 0))
    throw invalidRequest([{ field: at, description: 'keeps the fields, and so must have none and no mask' }]);
  return {
    kind: 'put',
    name,
    condition,
    mask: keepFields ? 'keep' : updateMask,
    fields,
    transforms: transforms.map((transform, index) => toTransform(transform, `${at}.transforms[${index}]`)),
  };
}

type WireCondition = NonNullable<DocumentWrite['precondition']>['condition'];

function toCondition(condition: WireCondition): DocumentCondition {
  if (condition === undefined) return { kind: 'any' };
  if (condition.$case === 'etag') return { kind: 'etag', etag: condition.value };
  return { kind: condition.value ? 'exists' : 'absent' };
}

function assertOnce(changes: readonly DocumentChange[]): void {
  const seen = new Set<string>();
  for (const [index, { name }] of changes.entries()) {
    if (seen.has(name))
      throw invalidRequest([{ field: `writes[${index}]`, description: `names "${name}", which another write names` }]);
    seen.add(name);
  }
}

function goneMessage(name: string): CommitDocumentsResponse['documents'][number] {
  return {
    name,
    fields: undefined,
    etag: '',
    revision: 0n,
    createTime: undefined,
    updateTime: undefined,
    expireTime: undefined,
  };
}
