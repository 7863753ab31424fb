import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { Document, DocumentServiceDefinition } from '../../gen/keelson/documents/v1/document_service.js';
import { CallError } from '../../src/rpc/client/call-error.js';
import type { CallOptions, ServiceClient } from '../../src/rpc/client/create-client.js';
import type { DocumentInput, DocumentOutput } from './document-model.js';
import type { ObservedRead } from './explain-reads.js';
import type { Operation } from './linearizability.js';

// Fresh documents every so often keep each history short enough to be searched.
const EPOCH_MS = 600;
const KEYS = 3;
const PAUSE_MS_MAX = 8;
const RETRY_MS = 10;
const PARENT = 'collections/registers';

/** The name of the document that a key stands for. */
export const DOCUMENT_NAME_PREFIX = `${PARENT}/documents/`;

export type DocumentClient = ServiceClient<typeof DocumentServiceDefinition>;

/** What clients saw. Times are of the clients' process, so they compare whichever server answered. */
export interface DocumentRecording {
  readonly history: Operation<DocumentInput, DocumentOutput>[];
  /** Every read, with the revision that it had to have seen at least. */
  readonly reads: ObservedRead[];
  /** The texts whose writes were acknowledged; each is written by one call only. */
  readonly acknowledged: Set<string>;
  /** The newest revision that any answer has shown. */
  newest: number;
}

export interface DocumentCaller {
  readonly name: string;
  /** Gives the client of some server; a server that was started again has a new one. All share a session. */
  readonly anyClient: () => DocumentClient;
  readonly random: () => number;
  readonly recording: DocumentRecording;
  readonly isOver: () => boolean;
}

/** Reads, lists, creates, updates and deletes documents at one server after another, with etags and without. */
export async function callDocuments(caller: DocumentCaller): Promise<void> {
  const { name, random, isOver, recording } = caller;
  /** What this caller knows of documents, as people do who opened one a while ago: their etags. */
  const known = new Map<string, Document>();
  for (let count = 0; !isOver(); count += 1) {
    const key = `${Math.floor(performance.now() / EPOCH_MS)}-${Math.floor(random() * KEYS)}`;
    const choice = random();
    const document = await (choice < 0.6
      ? read(caller, { key, isList: choice < 0.1, consistency: CONSISTENCIES[Math.floor(random() * 4)] })
      : change(caller, { key, input: chooseChange(random(), `${name}.${count}`, known.get(key)), etags: known }));
    if (document !== undefined) known.set(key, document);
    recording.newest = Math.max(recording.newest, Number(document?.revision ?? 0));
    await delay(random() * PAUSE_MS_MAX);
  }
}

function chooseChange(choice: number, text: string, known: Document | undefined): Change {
  const etagOf = textOf(known);
  if (choice < 0.35) return { kind: 'create', text };
  if (choice < 0.5) return { kind: 'update', text };
  if (choice < 0.8) return { kind: 'update', text, ...(known && { etagOf }) };
  if (choice < 0.9) return { kind: 'delete', ...(known && { etagOf }) };
  return { kind: 'delete' };
}

type Change = Exclude<DocumentInput, { kind: 'get' }>;

/** What reads ask for, the default as often as the others together. */
const CONSISTENCIES = ['at-least', 'any', undefined, undefined] as const;

interface Reading {
  readonly key: string;
  readonly isList: boolean;
  readonly consistency: (typeof CONSISTENCIES)[number];
}

async function read(
  { anyClient, recording }: DocumentCaller,
  { key, isList, consistency }: Reading,
): Promise<Document | undefined> {
  const start = performance.now();
  const atLeast = consistency === 'any' ? 0 : recording.newest;
  const name = `${DOCUMENT_NAME_PREFIX}${key}`;
  const options = { ...(consistency && { consistency }) };
  try {
    const client = anyClient();
    const document = await (isList ? findInList(client, name, options) : client.getDocument({ name }, options));
    return note(document);
  } catch (err) {
    if (isRefusal(err, 'RESOURCE_NOT_FOUND')) return note(undefined);
    // A read that was not answered tells nothing.
    return undefined;
  }

  function note(document: Document | undefined): Document | undefined {
    const text = textOf(document);
    const output = { kind: 'read', text } as const;
    if (consistency === undefined) {
      recording.history.push({ key, input: { kind: 'get' }, output, start, end: performance.now() });
    }
    recording.reads.push({ key, text, atLeast });
    return document;
  }
}

async function findInList(client: DocumentClient, name: string, options: CallOptions): Promise<Document | undefined> {
  const { documents } = await client.listDocuments({ parent: PARENT, filter: `name = "${name}"` }, options);
  return documents[0];
}

interface Changing {
  readonly key: string;
  readonly input: Change;
  readonly etags: ReadonlyMap<string, Document>;
}

/** It names its request, so it may ask until it knows, another server each time. */
async function change(caller: DocumentCaller, { key, input, etags }: Changing): Promise<Document | undefined> {
  const { recording, anyClient } = caller;
  const etag = 'etagOf' in input && input.etagOf !== undefined ? (etags.get(key)?.etag ?? '') : '';
  const request = { key, input, etag, requestId: randomUUID() };
  const start = performance.now();
  for (;;) {
    const outcome = await send(anyClient(), request).catch(outcomeOf);
    if (outcome === undefined) {
      await delay(RETRY_MS);
      continue;
    }
    recording.history.push({ key, input, output: { kind: outcome.kind }, start, end: performance.now() });
    if (outcome.kind === 'done' && input.kind !== 'delete') recording.acknowledged.add(input.text);
    return outcome.document;
  }
}

interface Outcome {
  readonly kind: Exclude<DocumentOutput['kind'], 'read'>;
  readonly document?: Document;
}

interface ChangeRequest {
  readonly key: string;
  readonly input: Change;
  readonly etag: string;
  readonly requestId: string;
}

async function send(client: DocumentClient, { key, input, etag, requestId }: ChangeRequest): Promise<Outcome> {
  const name = `${DOCUMENT_NAME_PREFIX}${key}`;
  switch (input.kind) {
    case 'create': {
      const document = { fields: { text: input.text } };
      const made = await client.createDocument({ parent: PARENT, documentId: key, document, requestId });
      return { kind: 'done', document: made };
    }
    case 'update': {
      const document = { name, etag, fields: { text: input.text } };
      return { kind: 'done', document: await client.updateDocument({ document, requestId }) };
    }
    case 'delete':
      await client.deleteDocument({ name, etag, requestId });
      return { kind: 'done' };
  }
}

/** Gives undefined where nobody knows what became of the call. */
function outcomeOf(err: unknown): Outcome | undefined {
  if (isRefusal(err, 'RESOURCE_EXISTS')) return { kind: 'exists' };
  if (isRefusal(err, 'RESOURCE_NOT_FOUND')) return { kind: 'missing' };
  if (isRefusal(err, 'ETAG_MISMATCH')) return { kind: 'changed since' };
  return undefined;
}

function isRefusal(err: unknown, reason: string): boolean {
  return err instanceof CallError && err.reason === reason;
}

function textOf(document: Document | undefined): string {
  const text: unknown = document?.fields?.['text'];
  return typeof text === 'string' ? text : '';
}
