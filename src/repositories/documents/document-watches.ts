import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Documents, StoredDocument } from '../documents.js';
import type { WatchEvent } from '../watch.js';
import { readProjection } from './read-mask.js';
import { createSharedWatch, type SharedWatch, type WatchPart } from './watch-hub.js';

/** Watches that share what they are told are kept while they run, and some for a while after. */
const WATCHES_MAX = 1_000;

const HASH_BYTES = 12;
const TOKEN = /^([A-Za-z0-9_-]{16})\.([0-9a-z]{1,11})$/;
const RADIX = 36;

export interface DocumentWatch {
  readonly parent: string;
  /** AIP-160. */
  readonly filter: string;
  readonly readMask: readonly string[] | undefined;
}

/** A resume token that this database did not give out, or that belongs to another watch. */
export class ResumeTokenError extends Error {
  override readonly name = 'ResumeTokenError';
}

/** Watches of documents. Those of the same documents share the work. */
export interface DocumentWatches {
  /** Everything behind a revision, in order, once. */
  watch(watch: DocumentWatch, after: number, signal: AbortSignal): AsyncIterable<WatchPart<StoredDocument>>;
  /** The newest revision that this process has read. */
  revision(): number;
  /** A text that stands for a revision of this database in this watch. */
  encodeToken(watch: DocumentWatch, revision: number): string;
  /** Throws ResumeTokenError. */
  decodeToken(watch: DocumentWatch, token: string): number;
}

export interface DocumentWatchesDeps {
  readonly documents: Pick<Documents, 'watch'>;
  readonly ledger: { readonly databaseId: string; revision(): number };
}

export function createDocumentWatches({ documents, ledger }: DocumentWatchesDeps): DocumentWatches {
  const shared = new LRUCache<string, SharedWatch<StoredDocument>>({ max: WATCHES_MAX });
  const keyOf = ({ parent, filter, readMask = [] }: DocumentWatch) => JSON.stringify([parent, filter, ...readMask]);
  const hashOf = ({ parent, filter }: DocumentWatch) =>
    createHash('sha256')
      .update(JSON.stringify([ledger.databaseId, parent, filter]))
      .digest()
      .subarray(0, HASH_BYTES)
      .toString('base64url');
  const share = (watch: DocumentWatch) => {
    const key = keyOf(watch);
    const known = shared.get(key);
    if (known !== undefined) return known;
    const { parent, filter, readMask } = watch;
    const project = readProjection(readMask);
    const made = createSharedWatch<StoredDocument>({
      follow: (options) => projected(documents.watch({ parent, filter, ...options }), project),
      revision: () => ledger.revision(),
      sizeOf: (event) => (event.kind === 'checkpoint' ? 0 : JSON.stringify(event.changes).length),
    });
    shared.set(key, made);
    return made;
  };
  return {
    watch: (watch, after, signal) => share(watch).watch(after, signal),
    revision: () => ledger.revision(),
    encodeToken: (watch, revision) => `${hashOf(watch)}.${revision.toString(RADIX)}`,
    decodeToken: (watch, token) => {
      const [, hash, revision = ''] = TOKEN.exec(token) ?? [];
      if (hash !== hashOf(watch)) throw new ResumeTokenError('is not a token of this watch');
      return Number.parseInt(revision, RADIX);
    },
  };
}

async function* projected(
  events: AsyncIterable<WatchEvent<StoredDocument>>,
  project: ReturnType<typeof readProjection>,
): AsyncGenerator<WatchEvent<StoredDocument>> {
  for await (const event of events) {
    if (event.kind === 'checkpoint') yield event;
    else {
      const changes = event.changes.map((change) =>
        change.kind === 'removed'
          ? change
          : { ...change, resource: { ...change.resource, fields: project(change.resource.fields) } },
      );
      yield { ...event, changes };
    }
  }
}
