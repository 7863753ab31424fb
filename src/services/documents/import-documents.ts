import {
  ExistingDocuments,
  type DocumentItem,
  type ImportDocumentsRequest,
  type ImportDocumentsResponse,
} from '../../../gen/keelson/documents/v1/document_service.js';
import type { DocumentCondition } from '../../repositories/documents/document-changes.js';
import {
  assertNoGap,
  NO_PROGRESS,
  type ImportItem,
  type ImportProgress,
  type Imports,
} from '../../repositories/documents/imports.js';
import type { CallContext } from '../../rpc/context.js';
import { invalidRequest, ServiceError } from '../../rpc/errors.js';
import type { JsonObject } from '../../store/json-value.js';
import { readFields } from './document-fields.js';
import { parseStrictJson, StrictJsonError } from './strict-json.js';

const KIB = 1024;
const MIB = 1024 * KIB;

const DOCUMENT_ID = /^[A-Za-z0-9_][A-Za-z0-9_.~-]{0,127}$/;

/** Writes and reads of one commit, of which a document without indexes takes two. */
const PART_ITEMS_MAX = 245;
const PART_BYTES_MAX = 3 * MIB;

export interface ImportDocumentsDeps {
  readonly imports: Pick<Imports, 'progress' | 'add'>;
}

/** Takes any number of documents, some in each commit, and says how far it got. */
export function createImportDocuments({ imports }: ImportDocumentsDeps) {
  return async function importDocuments(
    ctx: CallContext,
    requests: AsyncIterable<ImportDocumentsRequest>,
  ): Promise<ImportDocumentsResponse> {
    let running: Running | undefined;
    for await (const request of requests) {
      running = running === undefined ? await begin(imports, ctx, request) : goOn(running, request);
      for (const items of partsOf(readItems(request.items, running))) {
        const { parent, name } = running;
        running.progress = await imports.add({ parent, name, items }, running.progress, ctx.signal);
      }
    }
    return toProgress(running?.progress ?? NO_PROGRESS);
  };
}

/** An import that has begun. */
interface Running {
  readonly parent: string;
  readonly name: string | undefined;
  readonly condition: DocumentCondition;
  /** The index of the item that comes next. */
  nextItem: number;
  progress: ImportProgress;
}

async function begin(
  imports: ImportDocumentsDeps['imports'],
  ctx: CallContext,
  request: ImportDocumentsRequest,
): Promise<Running> {
  const { parent, importId, startIndex, existing } = request;
  const condition = { kind: existing === ExistingDocuments.EXISTING_DOCUMENTS_REPLACE ? 'any' : 'absent' } as const;
  const nextItem = Number(startIndex);
  if (importId === '') {
    if (nextItem !== 0) throw invalidRequest([{ field: 'start_index', description: 'must be 0 without an import_id' }]);
    return { parent, name: undefined, condition, nextItem, progress: NO_PROGRESS };
  }
  const name = `${parent}/imports/${importId.toLowerCase()}`;
  const progress = await imports.progress(name, ctx);
  assertNoGap(progress, nextItem);
  return { parent, name, condition, nextItem, progress };
}

function goOn(running: Running, { parent, importId, startIndex, existing }: ImportDocumentsRequest): Running {
  if (parent !== running.parent)
    throw invalidRequest([{ field: 'parent', description: `must be "${running.parent}", as in the first message` }]);
  if (importId === '' && startIndex === 0n && existing === ExistingDocuments.EXISTING_DOCUMENTS_UNSPECIFIED)
    return running;
  throw invalidRequest([
    { field: '', description: 'import_id, start_index and existing are set in the first message only' },
  ]);
}

function readItems(items: readonly DocumentItem[], running: Running): ImportItem[] {
  const first = running.nextItem;
  running.nextItem += items.length;
  // A part of an import that is resumed may be done already.
  const done = Math.max(0, running.progress.nextIndex - first);
  return items.slice(done).map((item, position) => readItem(item, { running, index: first + done + position }));
}

function readItem(
  { documentId, content }: DocumentItem,
  { running, index }: { readonly running: Running; readonly index: number },
): ImportItem {
  try {
    const { fields, bytes } = readContent(content);
    if (!DOCUMENT_ID.test(documentId))
      throw new StrictJsonError('has no document id of 1 to 128 of A-Z, a-z, 0-9, "_", "-", "." and "~"');
    const name = `${running.parent}/documents/${documentId}`;
    const { condition } = running;
    return {
      index,
      documentId,
      bytes,
      change: { kind: 'put', name, condition, mask: undefined, fields, transforms: [] },
    };
  } catch (err) {
    if (!(err instanceof StrictJsonError) && !(err instanceof ServiceError)) throw err;
    return { index, documentId, failure: { reason: 'INVALID_REQUEST', problem: err.message } };
  }
}

function readContent(content: DocumentItem['content']): { readonly fields: JsonObject; readonly bytes: number } {
  if (content?.$case === 'json') {
    const { value, json } = parseStrictJson(content.value);
    return { fields: readFields('fields', value, json), bytes: json.length };
  }
  const fields = readFields('fields', content?.value);
  return { fields, bytes: JSON.stringify(fields).length };
}

/** Puts items together that fit into one commit and have different names. */
function* partsOf(items: readonly ImportItem[]): Generator<readonly ImportItem[]> {
  let part: ImportItem[] = [];
  let bytes = 0;
  let names = new Set<string>();
  for (const item of items) {
    const size = 'bytes' in item ? item.bytes : 0;
    if (
      part.length === PART_ITEMS_MAX ||
      (part.length > 0 && bytes + size > PART_BYTES_MAX) ||
      names.has(item.documentId)
    ) {
      yield part;
      part = [];
      bytes = 0;
      names = new Set();
    }
    part.push(item);
    names.add(item.documentId);
    bytes += size;
  }
  if (part.length > 0) yield part;
}

/** Turns what is known of an import into what its contracts promise. */
export function toProgress({
  nextIndex,
  importedCount,
  failedCount,
  failures,
}: ImportProgress): ImportDocumentsResponse {
  return {
    nextIndex: BigInt(nextIndex),
    importedCount: BigInt(importedCount),
    failedCount: BigInt(failedCount),
    failures: failures.map((failure) => ({ ...failure, index: BigInt(failure.index) })),
  };
}
