import type { StateDocument } from '../store/state.js';
import type { StateRead, Store } from '../store/store.js';
import { abortable } from '../async/abortable.js';
import { checkRevision } from './check-revision.js';
import {
  CommitTooLargeError,
  ContendedError,
  FutureRevisionError,
  InvalidLedgerInputError,
  UnknownCollectionError,
} from './errors.js';
import { GET_IDS_MAX, READ_ATTEMPTS_MAX, SCAN_LIMIT_MAX } from './limits.js';
import type { Log } from './log.js';
import { checkName } from './prepare.js';

/**
 * How new the answer has to be: `latest` (the default) sees every commit that was acknowledged before the read began,
 * in any process; a revision sees at least that; `any` takes what this process has.
 */
export type Freshness = 'latest' | 'any' | number;

export interface ReadOptions {
  readonly freshness?: Freshness;
  readonly signal?: AbortSignal | undefined;
}

/** Documents as they were together at one revision. */
export interface ReadResult {
  readonly revision: number;
  readonly documents: readonly (StateDocument | undefined)[];
}

export interface ScanOptions extends ReadOptions {
  /** Only ids that begin with this. */
  readonly prefix?: string;
  /** Only ids behind this one, in the byte order of UTF-8. */
  readonly after?: string;
  /** At most SCAN_LIMIT_MAX. */
  readonly limit: number;
}

export interface ScanResult {
  readonly revision: number;
  readonly documents: readonly StateDocument[];
}

export interface Reads {
  /** Throws what a read of that name would be refused with: of an unknown collection, or a malformed id. */
  check(collection: string, id: string): void;
  get(collection: string, id: string, options?: ReadOptions): Promise<StateDocument | undefined>;
  getMany(collection: string, ids: readonly string[], options?: ReadOptions): Promise<ReadResult>;
  scan(collection: string, options: ScanOptions): Promise<ScanResult>;
  catchUp(options?: { readonly signal?: AbortSignal | undefined }): Promise<number>;
  waitFor(revision: number, options?: { readonly signal?: AbortSignal | undefined }): Promise<void>;
}

export function createReads(store: Store, log: Log): Reads {
  const hasCollection = (name: string) => store.hasCollection(name);
  const getMany: Reads['getMany'] = async (collection, ids, options = {}) => {
    for (const id of ids) checkName({ collection, id }, hasCollection);
    checkCount('the number of ids', GET_IDS_MAX, ids.length);
    return readAt(log, options, (at) => store.getDocuments({ collection, ids, at, signal: options.signal }));
  };
  return {
    check: (collection, id) => checkName({ collection, id }, hasCollection),
    get: async (collection, id, options) => (await getMany(collection, [id], options)).documents[0],
    getMany,
    scan: async (collection, options) => {
      if (!store.hasCollection(collection)) throw new UnknownCollectionError(collection);
      checkPage(options);
      const { prefix = '', after, limit, signal } = options;
      const read = await readAt(log, options, (at) =>
        store.scanDocuments({ collection, prefix, after, limit, at, signal }),
      );
      return { ...read, documents: read.documents.filter((document) => document !== undefined) };
    },
    catchUp: async ({ signal } = {}) => {
      await abortable(log.catchUp(), signal);
      return log.position().revision;
    },
    waitFor: (revision, { signal } = {}) => reach(log, { freshness: revision, signal }),
  };
}

/** Brings the position as far as a read asks for, or rejects with FutureRevisionError if the log does not go there. */
export async function reach(log: Log, { freshness = 'latest', signal }: ReadOptions): Promise<void> {
  signal?.throwIfAborted();
  if (freshness === 'any') return;
  if (freshness !== 'latest') checkRevision(freshness);
  if (freshness !== 'latest' && freshness <= log.position().revision) return;
  await abortable(log.catchUp(), signal);
  const newest = log.position().revision;
  if (freshness !== 'latest' && freshness > newest) throw new FutureRevisionError(freshness, newest);
}

async function readAt(log: Log, options: ReadOptions, read: (at: number) => Promise<StateRead>): Promise<ReadResult> {
  const { signal } = options;
  await reach(log, options);
  for (let attempt = 1; attempt <= READ_ATTEMPTS_MAX; attempt += 1) {
    const { documents, revision, exact } = await abortable(read(log.position().revision), signal);
    if (exact) {
      // Whoever asks next, and is answered by what watches the log, must see no less than this answer.
      await abortable(log.reach(revision), signal);
      return { documents, revision };
    }
    // A commit of several documents may have been seen in part.
    await abortable(log.catchUp(), signal);
  }
  throw new ContendedError('read', READ_ATTEMPTS_MAX);
}

function checkPage({ limit, prefix = '', after = '' }: ScanOptions): void {
  checkCount('the length of a page', SCAN_LIMIT_MAX, limit);
  // A limit below zero means no limit to SQLite.
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw new InvalidLedgerInputError(`Cannot scan: the limit is ${limit}, expected a whole number from 1 on`);
  }
  if (prefix.isWellFormed() && after.isWellFormed()) return;
  throw new InvalidLedgerInputError('Cannot scan: the prefix or the place to begin holds half a surrogate pair');
}

function checkCount(what: string, limit: number, found: number): void {
  if (found > limit) throw new CommitTooLargeError(what, limit, found);
}
