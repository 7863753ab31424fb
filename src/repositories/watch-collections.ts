import type { Ledger } from '../ledger/ledger.js';

/**
 * Calls back when something in the collections may have changed, in the moment that this process reads it from the log; it must
 * be quick and must not throw. The function that is returned ends it.
 */
export function watchCollections(
  ledger: Pick<Ledger, 'observe'>,
  collections: readonly string[],
  onChange: () => void,
): () => void {
  const watched = new Set(collections);
  return ledger.observe({
    commits: (commits) => {
      if (commits.some(({ writes }) => writes.some(({ collection }) => watched.has(collection)))) onChange();
    },
    reset: onChange,
  });
}
