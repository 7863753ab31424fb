import {
  ExistingDocuments,
  type DocumentItem,
  type ImportDocumentsRequest,
  type ImportDocumentsResponse,
} from '../../../gen/keelson/documents/v1/document_service.js';
import type { DocumentCondition } from '../../repositories/documents/document-changes.js';
import type { ImportItem } from '../../repositories/documents/import-part.js';
import { assertNoGap, NO_PROGRESS, type ImportProgress } from '../../repositories/documents/import-progress.js';
import type { ImportRun } from '../../repositories/documents/import-run.js';
import type { Imports } from '../../repositories/documents/imports.js';
import type { CallContext } from '../../rpc/context.js';
import { invalidRequest, ServiceError } from '../../rpc/errors.js';
import type { JsonObject } from '../../store/json-value.js';
import { readFields } from './document-fields.js';
import { parseStrictJson, StrictJsonError } from './strict-json.js';

const DOCUMENT_ID = /^[A-Za-z0-9_][A-Za-z0-9_.~-]{0,127}$/;

export interface ImportDocumentsDeps {
  readonly imports: Pick<Imports, 'progress' | 'run'>;
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
      await running.run.add(readItems(request.items, running));
    }
    return toProgress(running === undefined ? NO_PROGRESS : await running.run.end());
  };
}

/** An import that has begun. */
interface Running {
  readonly parent: string;
  readonly condition: DocumentCondition;
  readonly run: ImportRun;
  /** Items before this one were done when it began. */
  readonly doneBefore: number;
  /** The index of the item that comes next. */
  nextItem: number;
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
    const run = imports.run({ parent, name: undefined, progress: NO_PROGRESS }, ctx.signal);
    return { parent, condition, run, doneBefore: 0, nextItem };
  }
  const name = `${parent}/imports/${importId.toLowerCase()}`;
  const progress = await imports.progress(name, ctx);
  assertNoGap(progress, nextItem);
  const run = imports.run({ parent, name, progress }, ctx.signal);
  return { parent, condition, run, doneBefore: progress.nextIndex, nextItem };
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
  const done = Math.max(0, running.doneBefore - first);
  return items.slice(done).map((item, position) => readItem(item, { running, index: first + done + position }));
}

function readItem(
  item: DocumentItem,
  { running, index }: { readonly running: Running; readonly index: number },
): ImportItem {
  const { documentId } = item;
  try {
    const content = readContent(item.content);
    if (!DOCUMENT_ID.test(documentId))
      throw new StrictJsonError('has no document id of 1 to 128 of A-Z, a-z, 0-9, "_", "-", "." and "~"');
    const name = `${running.parent}/documents/${documentId}`;
    const { condition } = running;
    return {
      index,
      documentId,
      bytes: content.json.length,
      change: { kind: 'put', name, condition, mask: undefined, transforms: [], ...content },
    };
  } catch (err) {
    if (!(err instanceof StrictJsonError) && !(err instanceof ServiceError)) throw err;
    return { index, documentId, failure: { reason: 'INVALID_REQUEST', problem: err.message } };
  }
}

function readContent(content: DocumentItem['content']): { readonly fields: JsonObject; readonly json: string } {
  // What comes as a message becomes the same text, so that all of it belongs to this call and is JSON.
  if (content?.$case !== 'json') return readText(JSON.stringify(readFields('fields', content?.value)));
  return readText(content.value);
}

function readText(text: string): { readonly fields: JsonObject; readonly json: string } {
  const { value, json } = parseStrictJson(text);
  return { fields: readFields('fields', value, json), json };
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
