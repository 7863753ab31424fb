import type { Ledger } from '../ledger/ledger.js';
import { documentOf } from '../store/effects.js';
import type { Commit, CommitWrite } from '../store/entry.js';
import { EVERYTHING } from '../store/query/condition.js';
import { compilePredicate, type Predicate } from '../store/query/predicate.js';
import { prefixOf, type Decodable } from './definition.js';
import { compileFilter } from './filter/resolve.js';

export interface WatchOptions {
  /** Only resources of this parent. All, when it is missing. */
  readonly parent?: string;
  /** AIP-160. Everything, when it is empty or missing. */
  readonly filter?: string;
  /** The last revision that is known already. */
  readonly after: number;
  readonly signal?: AbortSignal | undefined;
}

/** What a commit does to a resource, as far as the watch is concerned. */
export type ResourceChange<T> =
  | { readonly kind: 'put'; readonly name: string; readonly resource: T }
  /** It was deleted, or does not meet the filter now. Whether it did before, only who watches knows. */
  | { readonly kind: 'removed'; readonly name: string };

export type WatchEvent<T> =
  /** All changes of one commit, in its order. */
  | { readonly kind: 'changes'; readonly revision: number; readonly changes: readonly ResourceChange<T>[] }
  /** Everything up to here was told. Resuming behind it misses nothing. */
  | { readonly kind: 'checkpoint'; readonly revision: number };

/** A checkpoint comes after so many commits that a watch has nothing to tell of. */
const CHECKPOINT_COMMITS = 1_000;

/** Tells what becomes of resources. Throws FilterError at the first step; ends with the reason of the signal. */
export async function* watchResources<T>(
  ledger: Ledger,
  definition: Decodable<T>,
  options: WatchOptions,
): AsyncIterable<WatchEvent<T>> {
  const { parent, filter = '', after, signal } = options;
  const matches = compilePredicate(filter === '' ? EVERYTHING : compileFilter(filter, definition.schema));
  const prefix = parent === undefined ? '' : prefixOf(definition, parent);
  let told = after;
  for await (const event of ledger.follow({ after, signal })) {
    if (event.kind === 'checkpoint') {
      told = event.revision;
      yield event;
      continue;
    }
    const { revision } = event.commit;
    const changes = changesOf(event.commit, { definition, prefix, matches });
    if (changes.length > 0) yield { kind: 'changes', revision, changes };
    // Where others write all the time, a watcher of little must not fall behind what is kept.
    else if (revision - told >= CHECKPOINT_COMMITS) yield { kind: 'checkpoint', revision };
    else continue;
    told = revision;
  }
}

interface Watched<T> {
  readonly definition: Decodable<T>;
  readonly prefix: string;
  readonly matches: Predicate;
}

function changesOf<T>(commit: Commit, { definition, prefix, matches }: Watched<T>): ResourceChange<T>[] {
  const isWatched = ({ collection, id }: CommitWrite) => collection === definition.collection && id.startsWith(prefix);
  return commit.writes.filter(isWatched).map((write): ResourceChange<T> => {
    const document = documentOf(write, commit);
    if (document === undefined || !matches(document)) return { kind: 'removed', name: write.id };
    return { kind: 'put', name: write.id, resource: definition.codec.decode(document) };
  });
}
