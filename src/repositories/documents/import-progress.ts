import type { JsonObject } from '../../store/json-value.js';
import type { StateDocument } from '../../store/state.js';
import { defineResource } from '../definition.js';
import { readTimestampText } from '../filter/literals.js';
import { valueField } from '../filter/schema.js';
import { ContentError } from './errors.js';

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

export const NO_PROGRESS: ImportProgress = { nextIndex: 0, importedCount: 0, failedCount: 0, failures: [] };

/** What came of some items alone. */
export function progressOf(done: Omit<ImportProgress, 'failedCount'>): ImportProgress {
  const failures = done.failures.slice(0, FAILURES_KEPT_MAX).map(({ problem, documentId, ...failure }) => ({
    ...failure,
    documentId: documentId.slice(0, PROBLEM_LENGTH_MAX),
    problem: problem.slice(0, PROBLEM_LENGTH_MAX),
  }));
  return { ...done, failedCount: done.failures.length, failures };
}

/** How far an import is when more has been done. */
export function advance(before: ImportProgress, more: ImportProgress): ImportProgress {
  return {
    nextIndex: more.nextIndex,
    importedCount: before.importedCount + more.importedCount,
    failedCount: before.failedCount + more.failedCount,
    failures: [...before.failures, ...more.failures].slice(0, FAILURES_KEPT_MAX),
  };
}

/** How the progress of an import is stored. */
export function encodeProgress(
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

export function decodeImport({ id, value, createTime, updateTime }: StateDocument): StoredImport {
  // Only imports write them.
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
