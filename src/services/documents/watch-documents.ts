import {
  WatchEventKind,
  type DocumentChange,
  type WatchDocumentsRequest,
  type WatchDocumentsResponse,
} from '../../../gen/keelson/documents/v1/document_service.js';
import type { DocumentWatch, DocumentWatches } from '../../repositories/documents/document-watches.js';
import { readProjection } from '../../repositories/documents/read-mask.js';
import type { WatchPart } from '../../repositories/documents/watch-hub.js';
import type { Documents, StoredDocument } from '../../repositories/documents.js';
import type { CallContext } from '../../rpc/context.js';
import { invalidRequest } from '../../rpc/errors.js';
import { freezeDeep } from '../../frozen/frozen.js';
import { batchesOf } from './batches.js';
import { toMessage } from './document-message.js';

const KIB = 1024;

/** By the size as JSON; a message may take several times as much, and 4 MiB are sent. */
const MESSAGE_BYTES_MAX = 256 * KIB;

export interface WatchDocumentsDeps {
  readonly documents: Pick<Documents, 'snapshot'>;
  readonly watches: DocumentWatches;
}

/** Tells what becomes of documents, after their state as it is if that is asked for. */
export function createWatchDocuments(deps: WatchDocumentsDeps) {
  const { watches } = deps;
  // Watchers that are told the same share the messages, which are encoded once.
  const messages = new WeakMap<WatchPart<StoredDocument>, readonly WatchDocumentsResponse[]>();
  const messagesOf = (watch: DocumentWatch, part: WatchPart<StoredDocument>) => {
    const known = messages.get(part);
    if (known !== undefined) return known;
    const made = [...toMessages(part, watches.encodeToken(watch, part.revision))];
    // What is frozen is encoded once, whoever gets it.
    made.forEach((message) => freezeDeep(message));
    messages.set(part, made);
    return made;
  };
  return async function* watchDocuments(
    ctx: CallContext,
    request: WatchDocumentsRequest,
  ): AsyncGenerator<WatchDocumentsResponse> {
    assertOneStart(request);
    const { parent, filter, readMask } = request;
    const watch: DocumentWatch = { parent, filter, readMask };
    let after: number;
    if (request.resumeToken !== '') after = watches.decodeToken(watch, request.resumeToken);
    else if (request.afterRevision !== undefined) after = Number(request.afterRevision);
    else after = yield* initialState(deps, ctx, { watch, isWanted: request.initialState });
    for await (const part of watches.watch(watch, after, ctx.signal)) yield* messagesOf(watch, part);
  };
}

interface InitialState {
  readonly watch: DocumentWatch;
  readonly isWanted: boolean;
}

/** Tells the state, if it is asked for, and then from where on changes are told. */
async function* initialState(
  { documents, watches }: WatchDocumentsDeps,
  ctx: CallContext,
  { watch, isWanted }: InitialState,
): AsyncGenerator<WatchDocumentsResponse, number> {
  const { parent, filter, readMask } = watch;
  const project = readProjection(readMask);
  // Without the state as well, so that nothing is missed which was answered before the call.
  const limit = isWanted ? {} : { limit: 0 };
  const snapshot = await documents.snapshot({ parent, filter, orderBy: '', project, ...limit }, ctx);
  try {
    const { revision } = snapshot;
    if (isWanted) {
      for await (const batch of batchesOf(snapshot.documents())) {
        const changes = batch.map((document) => putOf(document));
        yield { kind: WatchEventKind.WATCH_EVENT_KIND_INITIAL, changes, resumeToken: '', revision: BigInt(revision) };
      }
    }
    yield checkpoint(revision, watches.encodeToken(watch, revision));
    return revision;
  } finally {
    await snapshot.close();
  }
}

/** Only the last message of a part has the token: a watcher that got some of them resumes before the first. */
function* toMessages(
  { events, revision }: WatchPart<StoredDocument>,
  resumeToken: string,
): Generator<WatchDocumentsResponse> {
  const changes = events.flatMap((event) =>
    event.kind === 'checkpoint' ? [] : event.changes.map((change) => ({ change, revision: event.revision })),
  );
  if (changes.length === 0) {
    yield checkpoint(revision, resumeToken);
    return;
  }
  const kind = WatchEventKind.WATCH_EVENT_KIND_CHANGES;
  let batch: DocumentChange[] = [];
  let bytes = 0;
  for (const { change, revision: at } of changes) {
    const size = change.kind === 'put' ? JSON.stringify(change.resource.fields).length : 0;
    if (batch.length > 0 && bytes + size > MESSAGE_BYTES_MAX) {
      yield { kind, changes: batch, resumeToken: '', revision: BigInt(at) };
      batch = [];
      bytes = 0;
    }
    batch.push(change.kind === 'put' ? putOf(change.resource) : removalOf(change.name, at));
    bytes += size;
  }
  yield { kind, changes: batch, resumeToken, revision: BigInt(revision) };
}

function putOf(document: StoredDocument): DocumentChange {
  return { change: { $case: 'put', value: toMessage(document) }, revision: BigInt(document.revision) };
}

function removalOf(name: string, revision: number): DocumentChange {
  return { change: { $case: 'removed', value: name }, revision: BigInt(revision) };
}

function checkpoint(revision: number, resumeToken: string): WatchDocumentsResponse {
  const kind = WatchEventKind.WATCH_EVENT_KIND_CHECKPOINT;
  return { kind, changes: [], resumeToken, revision: BigInt(revision) };
}

function assertOneStart({ resumeToken, afterRevision, initialState: isWanted }: WatchDocumentsRequest): void {
  // A stream that resumes says where, whatever it began with: browsers repeat the request as it was.
  if (resumeToken !== '' || afterRevision === undefined || !isWanted) return;
  throw invalidRequest([
    { field: 'after_revision', description: 'cannot be set with initial_state: the changes follow on the state' },
  ]);
}
