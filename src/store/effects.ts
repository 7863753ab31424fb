import type { Commit, CommitWrite } from './entry.js';
import { REQUESTS_COLLECTION, requestDocument } from './requests.js';
import type { StateDocument, StateWrite } from './state.js';

/** What commits do to the state: for each document they touch, requests included, the last thing they make of it. */
export function effectsOf(commits: readonly Commit[]): readonly StateWrite[] {
  const [only] = commits;
  // A document stands in a commit once.
  if (only && commits.length === 1) return effectsOfCommit(only);
  const effects = new Map<string, StateWrite>();
  for (const commit of commits) {
    for (const effect of effectsOfCommit(commit)) effects.set(documentKey(effect), effect);
  }
  return [...effects.values()];
}

/** The document that a write leaves, `undefined` for a delete. */
export function documentOf(write: CommitWrite, commit: Commit): StateDocument | undefined {
  if (write.kind === 'delete') return undefined;
  const { collection, id, value, createRevision, createTime } = write;
  return { collection, id, value, createRevision, createTime, revision: commit.revision, updateTime: commit.time };
}

/** Tells documents of all collections apart in one map. Names of collections hold no slash. */
export function documentKey(document: { readonly collection: string; readonly id: string }): string {
  return `${document.collection}/${document.id}`;
}

function effectsOfCommit(commit: Commit): readonly StateWrite[] {
  const { revision } = commit;
  const effects: StateWrite[] = commit.writes.map((write) => {
    const { collection, id } = write;
    return { collection, id, revision, document: documentOf(write, commit) };
  });
  const request = requestDocument(commit);
  if (request) effects.push({ collection: REQUESTS_COLLECTION, id: request.id, revision, document: request });
  return effects;
}
