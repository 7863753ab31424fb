import { setTimeout as delay } from 'node:timers/promises';
import { type Commit, decodeCommits } from '../store/entry.js';
import type { Store } from '../store/store.js';
import { RevisionOutOfRangeError } from './errors.js';
import { ENTRIES_PER_READ } from './limits.js';

const LOOK_INTERVAL_MS = 200;

export interface TailOptions {
  /** The last revision that is known already. Default: what retention dropped. */
  readonly after?: number | undefined;
  /** Whether to wait for more at the end; then the signal ends it. */
  readonly follow: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Reads commits from the log for people to look at. Unlike a ledger it takes no part: it applies and drops nothing. */
export async function* tailLog(store: Store, { after, follow, signal }: TailOptions): AsyncGenerator<Commit> {
  let revision = after ?? (await store.readFloor()).revision;
  for (;;) {
    if (signal?.aborted) return;
    const entries = await store.readEntries(revision, ENTRIES_PER_READ);
    const commits = entries.flatMap(decodeCommits).filter((commit) => commit.revision > revision);
    await checkNoGap(store, revision, commits);
    for (const commit of commits) {
      yield commit;
      revision = commit.revision;
    }
    if (commits.length > 0) continue;
    if (!follow) return;
    await delay(LOOK_INTERVAL_MS, undefined, { ...(signal && { signal }) }).catch(() => {});
  }
}

async function checkNoGap(store: Store, after: number, commits: readonly Commit[]): Promise<void> {
  if (commits[0]?.revision === after + 1) return;
  const floor = await store.readFloor();
  if (floor.revision > after) throw new RevisionOutOfRangeError(after, floor.revision);
}
