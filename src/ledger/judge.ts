import { isDeepStrictEqual } from 'node:util';
import { documentKey, documentOf } from '../store/effects.js';
import { encodeCommit, type Commit, type CommitRequest, type CommitWrite } from '../store/entry.js';
import { commitOfRequest, requestDocument } from '../store/requests.js';
import type { StateDocument } from '../store/state.js';
import type { CommitResult } from './commit.js';
import { type LedgerError, PreconditionFailedError, RequestIdReusedError } from './errors.js';
import { type Condition, type PreparedCommit, type PreparedWrite, requestRecordName } from './prepare.js';

/** Documents by `documentKey`. A name that is not in it does not exist. */
export type KnownState = ReadonlyMap<string, StateDocument>;

/** What a commit comes to. It holds only if the state it was judged on was the newest. */
export type Verdict =
  /** The commit to append, also as `encodeCommit` writes it; the result follows from it. */
  | {
      readonly kind: 'accepted';
      readonly commit: Commit;
      readonly encoded: string;
      readonly result: CommitResult;
    }
  /** There is a result and nothing to append. */
  | { readonly kind: 'settled'; readonly result: CommitResult }
  | { readonly kind: 'rejected'; readonly error: LedgerError };

type Accepted = Extract<Verdict, { readonly kind: 'accepted' }>;

type ReplayVerdict = Exclude<Verdict, Accepted>;

export interface JudgeInput {
  readonly commits: readonly PreparedCommit[];
  /** The state at `revision`, at least of the documents that the commits touch. */
  readonly state: KnownState;
  readonly revision: number;
  /** The time that accepted commits get. */
  readonly time: number;
}

/** Judges commits one after another, each on the state that those before it leave. */
export function judge({ commits, state, revision, time }: JudgeInput): readonly Verdict[] {
  const overlay = new Map(state);
  let last = revision;
  return commits.map((commit, index) => {
    const verdict = judgeOne(commit, overlay, { revision: last, time });
    if (verdict.kind === 'accepted') {
      last = verdict.commit.revision;
      // Nobody is judged on what the last one leaves.
      if (index + 1 < commits.length) applyTo(overlay, commit, verdict);
    }
    return verdict;
  });
}

/** What a request comes to whose record is there already: the first result, or an error if it was another request. */
export function replayOf(record: StateDocument, request: CommitRequest): ReplayVerdict {
  const first = commitOfRequest(record);
  if (first.request.fingerprint === request.fingerprint) return { kind: 'settled', result: resultOf(first, true) };
  return { kind: 'rejected', error: new RequestIdReusedError(request.id) };
}

interface Place {
  readonly revision: number;
  readonly time: number;
}

function judgeOne(prepared: PreparedCommit, state: KnownState, before: Place): Verdict {
  const replay = findReplay(prepared, state);
  if (replay) return replay;
  const failed = prepared.conditions.find((condition) => !holds(condition, state));
  if (failed) return { kind: 'rejected', error: preconditionFailed(failed, state) };
  if (prepared.writes.length === 0 && !prepared.request) {
    return { kind: 'settled', result: { ...before, documents: [], replayed: false } };
  }
  const commit = toCommit(prepared, state, { revision: before.revision + 1, time: before.time });
  const encoded = encodeCommit(
    commit,
    prepared.writes.map(({ json }) => json),
  );
  return { kind: 'accepted', commit, encoded, result: resultOf(commit, false) };
}

function findReplay({ request }: PreparedCommit, state: KnownState): Verdict | undefined {
  const record = request && state.get(documentKey(requestRecordName(request)));
  return record && replayOf(record, request);
}

function holds(condition: Condition, state: KnownState): boolean {
  const { key, wanted } = condition;
  const found = state.get(key);
  if (wanted === 'exists') return found !== undefined;
  if (wanted === 'absent') return found === undefined;
  return 'value' in wanted ? isDeepStrictEqual(found?.value, wanted.value) : found?.revision === wanted.revision;
}

function preconditionFailed(condition: Condition, state: KnownState): PreconditionFailedError {
  return new PreconditionFailedError({ ...condition, found: state.get(condition.key)?.revision });
}

function toCommit({ writes, request }: PreparedCommit, state: KnownState, place: Place): Commit {
  return { ...place, ...(request && { request }), writes: writes.map((write) => toCommitWrite(write, state, place)) };
}

function toCommitWrite({ collection, id, key, value }: PreparedWrite, state: KnownState, place: Place): CommitWrite {
  if (!value) return { kind: 'delete', collection, id };
  const before = state.get(key);
  const createRevision = before?.createRevision ?? place.revision;
  const createTime = before?.createTime ?? place.time;
  return { kind: 'put', collection, id, value, createRevision, createTime };
}

function resultOf(commit: Commit, replayed: boolean): CommitResult {
  const documents = commit.writes.map((write) => documentOf(write, commit));
  return { revision: commit.revision, time: commit.time, documents, replayed };
}

function applyTo(state: Map<string, StateDocument>, { writes }: PreparedCommit, { commit, result }: Accepted): void {
  for (const [index, { key }] of writes.entries()) {
    const document = result.documents[index];
    if (document) state.set(key, document);
    else state.delete(key);
  }
  const request = requestDocument(commit);
  if (request) state.set(documentKey(request), request);
}
