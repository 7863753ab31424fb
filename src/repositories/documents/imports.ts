import type { CommitResult } from '../../ledger/commit.js';
import { CommitTooLargeError } from '../../ledger/errors.js';
import type { Ledger } from '../../ledger/ledger.js';
import type { Write } from '../../ledger/commit.js';
import type { TransactionView } from '../../ledger/transact.js';
import type { JsonObject } from '../../store/json-value.js';
import type { StateDocument } from '../../store/state.js';
import { defineResource } from '../definition.js';
import { readTimestampText } from '../filter/literals.js';
import { valueField } from '../filter/schema.js';
import { createResources } from '../resource.js';
import type { ReadContext } from '../read-context.js';
import type { DocumentChange } from './document-changes.js';
import { ContentError } from './errors.js';
import { planChanges, type PlanDeps } from './plan-changes.js';

/** The ledger collection that holds how far imports have come, by their names. */
export const IMPORTS_COLLECTION = 'document_imports';

/** Failures that an import keeps; more are counted only. */
export const FAILURES_KEPT_MAX = 100;

const PROBLEM_LENGTH_MAX = 300;
const DAY_MS = 24 * 60 * 60 * 1_000;
const KEPT_MS = 7 * DAY_MS;

/** One item that was not imported. */
export interface ImportFailure {
  readonly index: number;
  readonly documentId: string;
  readonly reason: string;
  readonly problem: string;
}

/** How far an import has come. */
export interface ImportProgress {
  /** Items before this one are done, for good or ill. */
  readonly nextIndex: number;
  readonly importedCount: number;
  readonly failedCount: number;
  /** The first of them. */
  readonly failures: readonly ImportFailure[];
}

export interface StoredImport extends ImportProgress {
  /** `collections/{collection}/imports/{import}`. */
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly createTime: number;
  /** Milliseconds since 1970. */
  readonly updateTime: number;
}

export const IMPORTS = defineResource<StoredImport, ImportProgress>({
  type: 'keelson.dev/Import',
  singular: 'import',
  collection: IMPORTS_COLLECTION,
  pattern: 'collections/{collection}/imports/{import}',
  codec: { encode: (progress) => encodeProgress(progress, Date.now()), decode: decodeImport },
  schema: new Map([
    ['name', { type: { kind: 'string' }, field: { kind: 'id' } }],
    valueField('expire_time', { kind: 'timestamp', stored: 'text' }),
  ]),
  expireTime: 'expire_time',
});

/** An item of an import: a change, or why it cannot be one. */
export type ImportItem =
  | { readonly index: number; readonly documentId: string; readonly change: DocumentChange; readonly bytes: number }
  | {
      readonly index: number;
      readonly documentId: string;
      readonly failure: Omit<ImportFailure, 'index' | 'documentId'>;
    };

/** Some items that follow on each other, of one collection and with different names. */
export interface ImportPart {
  readonly parent: string;
  readonly items: readonly ImportItem[];
  /** The name of the import, whose progress the same commit notes; `undefined` for one that cannot be resumed. */
  readonly name: string | undefined;
}

export interface Imports {
  /** How far an import has come; nowhere, if it has not begun. */
  progress(name: string, context?: ReadContext): Promise<ImportProgress>;
  /** Rejects with ResourceError `not-found`. */
  get(name: string, context?: ReadContext): Promise<StoredImport>;
  /** Imports the items that are not yet, each for itself, and gives how far the import is then. */
  add(part: ImportPart, progress: ImportProgress, signal: AbortSignal): Promise<ImportProgress>;
}

export interface ImportsDeps {
  readonly ledger: Ledger;
  readonly plan: PlanDeps;
  /** Says under which reason a refusal is counted. */
  readonly reasonOf: (err: unknown) => { readonly reason: string; readonly problem: string } | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export const NO_PROGRESS: ImportProgress = { nextIndex: 0, importedCount: 0, failedCount: 0, failures: [] };

export function createImports({ ledger, plan, reasonOf, now }: ImportsDeps): Imports {
  const resources = createResources({ ledger, now }, IMPORTS);
  const add = async (part: ImportPart, progress: ImportProgress, signal: AbortSignal): Promise<ImportProgress> => {
    let next = progress;
    try {
      await transactPart(ledger, signal, async (view) => {
        // Of a name that another call has taken up meanwhile, the rest is left to do.
        const before = part.name === undefined ? progress : await readProgress(view, part.name);
        const items = part.items.filter(({ index }) => index >= before.nextIndex);
        const { writes, failures, imported } = await planItems(items, { plan, view, parent: part.parent, reasonOf });
        next = advance(before, { items, failures, imported });
        if (part.name === undefined || items.length === 0) return writes;
        return [...writes, putProgress(part.name, next, now())];
      });
      return next;
    } catch (err) {
      if (!(err instanceof CommitTooLargeError) || part.items.length < 2) throw err;
    }
    const half = Math.ceil(part.items.length / 2);
    const first = await add({ ...part, items: part.items.slice(0, half) }, progress, signal);
    return add({ ...part, items: part.items.slice(half) }, first, signal);
  };
  return {
    add,
    get: (name, context) => resources.get(name, context),
    progress: async (name, context) => (await resources.find(name, context)) ?? NO_PROGRESS,
  };
}

function transactPart(
  ledger: Ledger,
  signal: AbortSignal,
  decide: (view: TransactionView) => Promise<readonly Write[]>,
): Promise<CommitResult> {
  return ledger.transact(decide, { signal });
}

interface PlanSurroundings {
  readonly plan: PlanDeps;
  readonly view: TransactionView;
  readonly parent: string;
  readonly reasonOf: ImportsDeps['reasonOf'];
}

async function planItems(items: readonly ImportItem[], { plan, view, parent, reasonOf }: PlanSurroundings) {
  const sound = items.flatMap((item) => ('change' in item ? [item] : []));
  const broken = items.flatMap((item) =>
    'failure' in item ? [{ index: item.index, documentId: item.documentId, ...item.failure }] : [],
  );
  if (sound.length === 0) return { writes: [], failures: broken, imported: 0 };
  const { writes, refusals } = await planChanges(plan, view, { parent, changes: sound.map(({ change }) => change) });
  const refused = [...refusals].map(([position, err]): ImportFailure => {
    const explained = reasonOf(err);
    // What is nobody's fault ends the import.
    if (explained === undefined) throw err;
    const { index = 0, documentId = '' } = sound[position] ?? {};
    return { index, documentId, ...explained };
  });
  const failures = [...broken, ...refused].sort((a, b) => a.index - b.index);
  return { writes, failures, imported: sound.length - refused.length };
}

interface Done {
  readonly items: readonly ImportItem[];
  readonly failures: readonly ImportFailure[];
  readonly imported: number;
}

function advance(before: ImportProgress, { items, failures, imported }: Done): ImportProgress {
  const last = items.at(-1)?.index;
  const room = FAILURES_KEPT_MAX - before.failures.length;
  const kept = failures.slice(0, Math.max(0, room)).map(({ problem, documentId, ...failure }) => ({
    ...failure,
    documentId: documentId.slice(0, PROBLEM_LENGTH_MAX),
    problem: problem.slice(0, PROBLEM_LENGTH_MAX),
  }));
  return {
    nextIndex: last === undefined ? before.nextIndex : last + 1,
    importedCount: before.importedCount + imported,
    failedCount: before.failedCount + failures.length,
    failures: [...before.failures, ...kept],
  };
}

async function readProgress(view: TransactionView, name: string): Promise<ImportProgress> {
  const state = await view.get(IMPORTS_COLLECTION, name);
  return state === undefined ? NO_PROGRESS : decodeImport(state);
}

function putProgress(name: string, progress: ImportProgress, nowMs: number): Write {
  return { kind: 'put', collection: IMPORTS_COLLECTION, id: name, value: encodeProgress(progress, nowMs) };
}

function encodeProgress(
  { nextIndex, importedCount, failedCount, failures }: ImportProgress,
  nowMs: number,
): JsonObject {
  const expireTime = readTimestampText(new Date(nowMs + KEPT_MS).toISOString());
  return {
    next_index: nextIndex,
    imported_count: importedCount,
    failed_count: failedCount,
    failures: failures.map((failure) => ({ ...failure })),
    ...(expireTime !== undefined && { expire_time: expireTime }),
  };
}

function decodeImport({ id, value, createTime, updateTime }: StateDocument): StoredImport {
  // Only this file writes them.
  return {
    name: id,
    createTime,
    updateTime,
    nextIndex: Number(value['next_index']),
    importedCount: Number(value['imported_count']),
    failedCount: Number(value['failed_count']),
    failures: value['failures'] as JsonObject[] & ImportFailure[],
  };
}

/** Refuses to begin behind what is done: what lies between would be missing. */
export function assertNoGap({ nextIndex }: ImportProgress, startIndex: number): void {
  if (startIndex <= nextIndex) return;
  throw new ContentError([
    { path: 'start_index', problem: `must be at most ${nextIndex}, where the import stands, is ${startIndex}` },
  ]);
}
