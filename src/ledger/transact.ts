import { documentKey } from '../store/effects.js';
import type { CommitRequest } from '../store/entry.js';
import type { JsonObject } from '../store/json-value.js';
import type { StateDocument } from '../store/state.js';
import type { Check, CommitInput, CommitResult, Write } from './commit.js';
import { ContendedError, PreconditionFailedError } from './errors.js';
import { TRANSACT_ATTEMPTS_MAX } from './limits.js';
import { pause } from './pause.js';
import type { Reads } from './reads.js';

const LOST_PAUSE = { firstMs: 1, longestMs: 50 };

/** What `decide` reads through. Everything read becomes a precondition of the commit, absence included. */
export interface TransactionView {
  get(collection: string, id: string): Promise<StateDocument | undefined>;
  getMany(collection: string, ids: readonly string[]): Promise<readonly (StateDocument | undefined)[]>;
  /**
   * Makes it a precondition that a document has this value then, `undefined` for none, without reading it: commits can
   * build on one that is still on its way. Where it has not, `decide` runs again.
   */
  expect(collection: string, id: string, value: JsonObject | undefined): void;
}

/** Looks at the state and says what to write. It may run several times, so it must do nothing else. */
export type Decide = (view: TransactionView) => Promise<readonly Write[]> | readonly Write[];

export interface TransactOptions {
  readonly request?: CommitRequest | undefined;
  readonly signal?: AbortSignal | undefined;
}

export type Transact = (decide: Decide, options?: TransactOptions) => Promise<CommitResult>;

export interface TransactDependencies {
  readonly reads: Pick<Reads, 'getMany'>;
  commit(input: CommitInput, signal: AbortSignal | undefined): Promise<CommitResult>;
  findReplay(request: CommitRequest, signal: AbortSignal | undefined): Promise<CommitResult | undefined>;
}

export function createTransact(dependencies: TransactDependencies): Transact {
  const attempt = async (decide: Decide, { request, signal }: TransactOptions): Promise<Outcome> => {
    const recorder = createRecorder(dependencies.reads, signal);
    const decided = await decideOn(recorder, decide);
    const checks = recorder.checks();
    if (!decided.failed) {
      return commitChecked({ writes: decided.writes, checks, ...(request && { request }) }, signal, dependencies);
    }
    // A twin of this request may have been answered just before the reads, and be what `decide` stumbled over.
    const replay = request && (await dependencies.findReplay(request, signal));
    if (replay) return replay;
    // A refusal that rests on one read needs no proof: that read was the newest state while the call ran.
    if (recorder.readCount() > 1 && !(await commitChecked({ writes: [], checks }, signal, dependencies)))
      return undefined;
    throw decided.error;
  };
  return async (decide, options = {}) => {
    const { request, signal } = options;
    const replay = request && (await dependencies.findReplay(request, signal));
    if (replay) return replay;
    for (let count = 1; count <= TRANSACT_ATTEMPTS_MAX; count += 1) {
      const result = await attempt(decide, options);
      if (result) return result;
      await pause(count, { ...LOST_PAUSE, signal });
    }
    throw new ContendedError('commit', TRANSACT_ATTEMPTS_MAX);
  };
}

/** `undefined` says that something that was read had changed. */
type Outcome = CommitResult | undefined;

type Decided =
  { readonly failed: false; readonly writes: readonly Write[] } | { readonly failed: true; readonly error: unknown };

async function decideOn(view: TransactionView, decide: Decide): Promise<Decided> {
  try {
    return { failed: false, writes: await decide(view) };
  } catch (error) {
    return { failed: true, error };
  }
}

async function commitChecked(
  input: CommitInput,
  signal: AbortSignal | undefined,
  dependencies: TransactDependencies,
): Promise<Outcome> {
  try {
    return await dependencies.commit(input, signal);
  } catch (err) {
    // Checks come behind the writes, whose own preconditions are the caller's to hear of.
    if (err instanceof PreconditionFailedError && err.index >= input.writes.length) return undefined;
    throw err;
  }
}

interface Recorder extends TransactionView {
  checks(): readonly Check[];
  /** How many reads the view answered; each saw the state at one revision. */
  readCount(): number;
}

function createRecorder(reads: Pick<Reads, 'getMany'>, signal: AbortSignal | undefined): Recorder {
  const checks = new Map<string, Check>();
  let count = 0;
  const getMany: TransactionView['getMany'] = async (collection, ids) => {
    count += 1;
    const { documents } = await reads.getMany(collection, ids, { signal });
    for (const [index, id] of ids.entries()) {
      const found = documents[index];
      const key = documentKey({ collection, id });
      // The first read of a document counts: if a second one saw more, the commit has to fail.
      if (!checks.has(key)) checks.set(key, { collection, id, precondition: toPrecondition(found) });
    }
    return documents;
  };
  return {
    getMany,
    get: async (collection, id) => (await getMany(collection, [id]))[0],
    expect: (collection, id, value) => {
      const precondition = value === undefined ? 'absent' : { value };
      checks.set(documentKey({ collection, id }), { collection, id, precondition });
    },
    checks: () => [...checks.values()],
    readCount: () => count,
  };
}

function toPrecondition(found: StateDocument | undefined): Check['precondition'] {
  return found ? { revision: found.revision } : 'absent';
}
