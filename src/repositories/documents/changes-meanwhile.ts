import type { Ledger } from '../../ledger/ledger.js';
import { documentOf } from '../../store/effects.js';
import type { Commit } from '../../store/entry.js';
import type { StateDocument } from '../../store/state.js';
import { SnapshotError } from './errors.js';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Values of the documents that change while one call reads. */
export const CHANGED_BYTES_MAX = 64 * MIB;

const NAME_BYTES = 200;

/** What became of documents since some moment. */
export interface ChangesMeanwhile {
  readonly documents: ReadonlyMap<string, StateDocument | undefined>;
  /** Throws SnapshotError `overtaken` if there were too many, or if some were missed. */
  assertKnown(): void;
  /** Ends it; what was collected stays. */
  stop(): void;
}

/** Collects from now on what commits make of the documents whose ids begin with a prefix. */
export function collectChanges(
  ledger: Pick<Ledger, 'observe'>,
  { collection, prefix }: { readonly collection: string; readonly prefix: string },
): ChangesMeanwhile {
  const documents = new Map<string, StateDocument | undefined>();
  let bytes = 0;
  let isKnown = true;
  const take = (commit: Commit) => {
    for (const write of commit.writes) {
      if (write.collection !== collection || !write.id.startsWith(prefix)) continue;
      documents.set(write.id, documentOf(write, commit));
      bytes += NAME_BYTES + (write.kind === 'put' ? JSON.stringify(write.value).length : 0);
    }
    if (bytes <= CHANGED_BYTES_MAX) return;
    isKnown = false;
    documents.clear();
  };
  const stop = ledger.observe({
    commits: (commits) => {
      if (isKnown) commits.forEach(take);
    },
    reset: () => {
      isKnown = false;
    },
  });
  return {
    documents,
    stop,
    assertKnown: () => {
      if (!isKnown) throw new SnapshotError('overtaken', 'Too much was written while the documents were read');
    },
  };
}
