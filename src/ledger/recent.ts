import type { Commit } from '../store/entry.js';
import { RECENT_BYTES_MAX, RECENT_COMMITS_MAX } from './limits.js';
import type { LogObserver } from './log.js';

/** The newest commits of the log, so that followers who keep up need no query. Bounded in number and size. */
export interface Recent extends LogObserver {
  /** All commits above a revision, or `undefined` if some of them are no longer here. */
  after(revision: number): readonly Commit[] | undefined;
}

interface Stretch {
  readonly commits: readonly Commit[];
  readonly last: number;
  readonly bytes: number;
}

/** Keeps commits above a revision, the one that the log starts at. */
export function createRecent(start: number): Recent {
  let stretches: Stretch[] = [];
  let before = start;
  let count = 0;
  let bytes = 0;

  const dropOldest = () => {
    const oldest = stretches.shift();
    if (!oldest) return;
    before = oldest.last;
    count -= oldest.commits.length;
    bytes -= oldest.bytes;
  };
  return {
    after: (revision) => {
      if (revision < before) return undefined;
      const from = stretches.findLastIndex(({ last }) => last <= revision) + 1;
      return stretches.slice(from).flatMap(({ commits }) => commits.filter((commit) => commit.revision > revision));
    },
    commits: (commits, entry) => {
      stretches.push({ commits, last: entry.last, bytes: entry.body.length });
      count += commits.length;
      bytes += entry.body.length;
      while (count > RECENT_COMMITS_MAX || bytes > RECENT_BYTES_MAX) dropOldest();
    },
    reset: (revision) => {
      stretches = [];
      before = revision;
      count = 0;
      bytes = 0;
    },
  };
}
