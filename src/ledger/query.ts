import { effectsOf } from '../store/effects.js';
import type { Commit } from '../store/entry.js';
import { parentOf } from '../store/query/field-value.js';
import { comparePlaces, placeOf } from '../store/query/order.js';
import { compilePredicate } from '../store/query/predicate.js';
import type { FoundDocument, QueryRead, QueryRequest } from '../store/query/query.js';
import type { StateDocument } from '../store/state.js';
import type { Store } from '../store/store.js';
import { abortable } from '../async/abortable.js';
import { ContendedError, UnknownCollectionError } from './errors.js';
import { READ_ATTEMPTS_MAX } from './limits.js';
import type { Log } from './log.js';
import { reach, type ReadOptions } from './reads.js';

export interface QueryOptions extends ReadOptions, Omit<QueryRequest, 'at' | 'signal' | 'collection'> {}

/** The documents that were found, all as they were at one revision. */
export type QueryResult = Pick<QueryRead, 'found' | 'next' | 'examined' | 'revision'>;

export interface Queries {
  /** Finds documents that meet a condition. Rejects with OrderNeedsIndexError. */
  readonly query: (collection: string, options: QueryOptions) => Promise<QueryResult>;
}

export function createQueries(store: Store, log: Log): Queries {
  return {
    query: async (collection, options) => {
      if (!store.hasCollection(collection)) throw new UnknownCollectionError(collection);
      await reach(log, options);
      for (let attempt = 1; attempt <= READ_ATTEMPTS_MAX; attempt += 1) {
        const result = await queryOnce(store, log, { ...options, collection });
        if (result) return result;
      }
      throw new ContendedError('query', READ_ATTEMPTS_MAX);
    },
  };
}

type Query = Omit<QueryRequest, 'at'>;

/** `undefined` if the history of the time of the read was dropped. */
async function queryOnce(store: Store, log: Log, query: Query): Promise<QueryResult | undefined> {
  const { signal } = query;
  const changes = collectChanges(log, query.collection);
  try {
    const read = await abortable(store.queryDocuments({ ...query, at: log.position().revision }), signal);
    if (read.exact) {
      await abortable(log.reach(read.revision), signal);
      return read;
    }
    // Whatever the read can have seen is in the log by now.
    await abortable(log.catchUp(), signal);
    if (changes.incomplete()) return undefined;
    return { ...patch(read, query, changes.documents()), revision: log.position().revision };
  } finally {
    changes.stop();
  }
}

interface Changes {
  /** What became of each document that changed since the start. */
  documents(): ReadonlyMap<string, StateDocument | undefined>;
  incomplete(): boolean;
  stop(): void;
}

function collectChanges(log: Log, collection: string): Changes {
  const documents = new Map<string, StateDocument | undefined>();
  let incomplete = false;
  const stop = log.observe({
    commits: (commits: readonly Commit[]) => {
      for (const effect of effectsOf(commits)) {
        if (effect.collection === collection) documents.set(effect.id, effect.document);
      }
    },
    reset: () => {
      incomplete = true;
    },
  });
  return { documents: () => documents, incomplete: () => incomplete, stop };
}

/**
 * Puts into a read what changed while it ran. A document that did not change is as the read saw it; one that did is as
 * the log has it. Together they are the state at the revision up to which the changes are known.
 */
function patch(
  read: QueryRead,
  { parent, condition, orderBy, after, limit }: Query,
  changed: ReadonlyMap<string, StateDocument | undefined>,
): Omit<QueryResult, 'revision'> {
  const { examined, next } = read;
  const matches = compilePredicate(condition);
  const isCovered = ({ place }: FoundDocument) =>
    (after === undefined || comparePlaces(place, after, orderBy) > 0) &&
    (next === undefined || comparePlaces(place, next, orderBy) <= 0);
  const unchanged = read.found.filter(({ document }) => !changed.has(document.id));
  const now = [...changed.values()]
    .filter((document) => document !== undefined)
    .filter((document) => parentOf(document.id) === parent && matches(document))
    .map((document) => ({ document, place: placeOf(document, orderBy) }));
  const found = [...unchanged, ...now.filter(isCovered)].sort((a, b) => comparePlaces(a.place, b.place, orderBy));
  if (found.length <= limit) return { found, next, examined };
  const page = found.slice(0, limit);
  return { found: page, next: page.at(-1)?.place, examined };
}
