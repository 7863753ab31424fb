import { randomBytes } from 'node:crypto';
import { documentKey } from '../store/effects.js';
import { type Entry, sealEntry } from '../store/entry.js';
import type { StateDocument } from '../store/state.js';
import type { AppendOutcome, Position, Store } from '../store/store.js';
import { abortable } from '../async/abortable.js';
import type { CommitResult } from './commit.js';
import { LedgerClosedError, LedgerOverloadedError } from './errors.js';
import { judge, type Verdict } from './judge.js';
import {
  ENTRY_BYTES_MAX,
  ENTRY_COMMITS_MAX,
  ENTRY_DOCUMENTS_MAX,
  QUEUE_BYTES_MAX,
  QUEUE_COMMITS_MAX,
} from './limits.js';
import { type Log, type SealedEntry, TAIL_TRUST_MS } from './log.js';
import { pause } from './pause.js';
import type { DocumentName, PreparedCommit } from './prepare.js';
import type { LedgerClock, LedgerLogger } from './surroundings.js';

const RACE_PAUSE = { firstMs: 1, longestMs: 20 };
const RECOVERY_PAUSE = { firstMs: 20, longestMs: 2_000 };

/** Turns commits into entries, one entry at a time. Commits that arrive meanwhile share the next one. */
export interface Committer {
  /** Stops waiting when the signal aborts; the commit may happen all the same. */
  submit(commit: PreparedCommit, signal: AbortSignal | undefined): Promise<CommitResult>;
  /** Refuses what waits and waits for what is under way. */
  close(): Promise<void>;
}

export interface CommitterOptions {
  readonly store: Store;
  readonly log: Log;
  readonly clock: LedgerClock;
  readonly logger: LedgerLogger;
  /** Is called after an entry was appended. */
  readonly onAppended: (revision: number) => void;
}

interface Pending {
  readonly commit: PreparedCommit;
  readonly signal: AbortSignal | undefined;
  resolve(result: CommitResult): void;
  reject(err: unknown): void;
}

export function createCommitter(options: CommitterOptions): Committer {
  const queue: Pending[] = [];
  const closing = new AbortController();
  let queuedBytes = 0;
  let pumping: Promise<void> | undefined;

  const take = () => {
    const batch = takeBatch(queue);
    for (const { commit } of batch) queuedBytes -= commit.bytes;
    return batch;
  };
  const pump = async () => {
    while (queue.length > 0) {
      const batch = take();
      await settleBatch(options, batch, closing.signal).catch((err: unknown) => rejectAll(batch, err));
    }
    pumping = undefined;
  };
  const enqueue = (commit: PreparedCommit, signal: AbortSignal | undefined) =>
    new Promise<CommitResult>((resolve, reject) => {
      if (closing.signal.aborted) throw new LedgerClosedError();
      if (isFull(queue.length + 1, queuedBytes + commit.bytes)) throw new LedgerOverloadedError();
      queuedBytes += commit.bytes;
      queue.push({ commit, signal, resolve, reject });
      pumping ??= pump();
    });

  return {
    submit: (commit, signal) => abortable(enqueue(commit, signal), signal),
    close: async () => {
      closing.abort(new LedgerClosedError());
      rejectAll(queue.splice(0), new LedgerClosedError());
      await pumping;
    },
  };
}

function isFull(commits: number, bytes: number): boolean {
  return commits > QUEUE_COMMITS_MAX || bytes > QUEUE_BYTES_MAX;
}

function takeBatch(queue: Pending[]): Pending[] {
  let bytes = 0;
  let documents = 0;
  let count = 0;
  for (const { commit } of queue) {
    bytes += commit.bytes;
    documents += commit.documents.length;
    const isOver = bytes > ENTRY_BYTES_MAX || documents > ENTRY_DOCUMENTS_MAX || count === ENTRY_COMMITS_MAX;
    if (isOver && count > 0) break;
    count += 1;
  }
  return queue.splice(0, count);
}

/** Judges and appends a batch until its judgement stands: it is told only if it was made on the newest state. */
async function settleBatch(options: CommitterOptions, batch: readonly Pending[], closing: AbortSignal): Promise<void> {
  const { log } = options;
  for (let attempt = 1; ; attempt += 1) {
    closing.throwIfAborted();
    const waiting = batch.filter(({ signal }) => !signal?.aborted);
    if (waiting.length === 0) return;
    // Taken together: a catch-up in between would vouch for a newer position.
    const base = { position: log.position(), confirmedAt: log.confirmedAt() };
    const verdicts = await judgeBatch(options, waiting, base.position);
    if (verdicts && (await makeStand(options, verdicts, base, closing))) return tell(waiting, verdicts);
    await log.catchUp();
    if (attempt > 1) await pause(attempt, { ...RACE_PAUSE, signal: closing });
  }
}

/** Gives `undefined` if the state is already newer than the position. */
async function judgeBatch(
  { store, clock }: CommitterOptions,
  batch: readonly Pending[],
  position: Position,
): Promise<readonly Verdict[] | undefined> {
  const commits = batch.map(({ commit }) => commit);
  const state = await readState(store, commits, position.revision);
  if (!state) return undefined;
  const time = Math.max(clock.now(), position.time);
  return judge({ commits, state, revision: position.revision, time });
}

/** What a batch is judged on. */
interface Base {
  readonly position: Position;
  /** A moment at which that position was the tail. */
  readonly confirmedAt: number;
}

/** Appends what was accepted; false if the judgement was not made on the newest state. */
async function makeStand(
  options: CommitterOptions,
  verdicts: readonly Verdict[],
  base: Base,
  closing: AbortSignal,
): Promise<boolean> {
  const { log, onAppended } = options;
  const sealed = sealVerdicts(verdicts, base.position);
  if (!sealed) {
    // Nothing to append that would prove it, so the tail is asked whether the position still is the newest.
    await log.catchUp();
    return log.position().revision === base.position.revision;
  }
  const began = options.clock.atMost();
  if ((await append(options, sealed.entry, base.confirmedAt, closing)) === 'taken') return false;
  await log.advance(sealed, began).catch((err: unknown) => recover(options, err, closing));
  onAppended(sealed.entry.last);
  return true;
}

function sealVerdicts(verdicts: readonly Verdict[], position: Position): SealedEntry | undefined {
  const accepted = verdicts.filter((verdict) => verdict.kind === 'accepted');
  const commits = accepted.map(({ commit }) => commit);
  const [first] = commits;
  if (!first) return undefined;
  const encoded = accepted.map((verdict) => verdict.encoded);
  const batchId = randomBytes(16).toString('hex');
  return { commits, entry: sealEntry({ commits, encoded, time: first.time, batchId, previousHash: position.hash }) };
}

async function append(
  options: CommitterOptions,
  entry: Entry,
  confirmedAt: number,
  closing: AbortSignal,
): Promise<AppendOutcome> {
  const { store, clock } = options;
  const outcome = await store.append(entry);
  if (outcome === 'taken' || clock.atMost() - confirmedAt <= TAIL_TRUST_MS) return outcome;
  const floor = await untilDone(options, 'read the floor', closing, () => store.readFloor());
  // The place had been used and dropped. Nobody reads below the floor, and retention will drop this entry as well.
  return floor.revision >= entry.first ? 'taken' : 'appended';
}

// The entry is in the log, so the commits have happened whatever comes; only the next batch has to wait for the state.
function recover(options: CommitterOptions, err: unknown, closing: AbortSignal): void {
  options.logger.warn({ err }, 'state not applied, catching up');
  untilDone(options, 'catch up', closing, () => options.log.catchUp()).catch(() => {});
}

async function untilDone<T>(
  { logger }: CommitterOptions,
  action: string,
  closing: AbortSignal,
  run: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run();
    } catch (err) {
      closing.throwIfAborted();
      logger.warn({ err, action, attempt }, 'ledger step failed, trying again');
      await pause(attempt, { ...RECOVERY_PAUSE, signal: closing });
    }
  }
}

async function readState(
  store: Store,
  commits: readonly PreparedCommit[],
  at: number,
): Promise<Map<string, StateDocument> | undefined> {
  const idsOf = groupIds(commits.flatMap(({ documents }) => documents));
  const reads = await Promise.all(
    [...idsOf].map(([collection, ids]) => store.getDocuments({ collection, ids: [...ids], at })),
  );
  if (reads.some(({ exact, revision }) => !exact || revision !== at)) return undefined;
  const found = reads.flatMap(({ documents }) => documents.filter((document) => document !== undefined));
  return new Map(found.map((document) => [documentKey(document), document]));
}

function groupIds(names: readonly DocumentName[]): Map<string, Set<string>> {
  const idsOf = new Map<string, Set<string>>();
  for (const { collection, id } of names) {
    const ids = idsOf.get(collection);
    if (ids) ids.add(id);
    else idsOf.set(collection, new Set([id]));
  }
  return idsOf;
}

function tell(batch: readonly Pending[], verdicts: readonly Verdict[]): void {
  for (const [index, pending] of batch.entries()) {
    const verdict = verdicts[index];
    if (!verdict) continue;
    if (verdict.kind === 'rejected') pending.reject(verdict.error);
    else pending.resolve(verdict.result);
  }
}

function rejectAll(batch: readonly Pending[], err: unknown): void {
  for (const pending of batch) pending.reject(err);
}
