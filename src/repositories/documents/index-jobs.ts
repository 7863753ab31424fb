import { setTimeout as delay } from 'node:timers/promises';
import type { Ledger } from '../../ledger/ledger.js';
import type { Write } from '../../ledger/commit.js';
import type { TransactionView } from '../../ledger/transact.js';
import type { StateDocument } from '../../store/state.js';
import { EVERYTHING } from '../../store/query/condition.js';
import { prefixOf } from '../definition.js';
import { createResources } from '../resource.js';
import type { Collections } from './collections.js';
import {
  documentOfEntry,
  entriesIn,
  INDEX_ENTRIES_COLLECTION,
  putEntry,
  UNIQUE_KEYS_COLLECTION,
} from './index-entries.js';
import { INDEX_KEY_LENGTH_MAX } from './index-keys.js';
import { sweepOf } from './indexes.js';
import { finished, type OperationEnd } from './operation-end.js';
import {
  OPERATIONS,
  OPERATIONS_COLLECTION,
  putOperation,
  readOperation,
  type Operation,
  type OperationContent,
} from './operations.js';
import type { DocumentKind } from './plan-changes.js';
import { parseIndexOrder, type CollectionIndex } from './settings.js';

// With their keys and what has to be read for them, well under the limit of one commit.
const DOCUMENTS_PER_STEP = 100;
const ENTRIES_PER_STEP = 400;

const EXAMINE_MAX = 5_000;
const LIST_PAGE = 100;
const LOOK_EVERY_MS = 2_000;
// Another process that has done a step lately goes on with it.
const TAKE_OVER_MS = 5_000;

export interface IndexJobsDeps {
  readonly ledger: Ledger;
  readonly collections: Collections;
  readonly documents: Pick<DocumentKind, 'collection' | 'pattern'>;
  readonly log: { warn(fields: object, message: string): void };
  readonly now?: () => number;
}

/** The work on indexes that goes on in the background. Any process does any of it, and a later one goes on with it. */
export interface IndexJobs {
  /** Looks for work now, because there is some. */
  wake(): void;
  /** Ends the work; a step that is under way ends first. */
  close(): Promise<void>;
}

export function startIndexJobs(deps: IndexJobsDeps): IndexJobs {
  const closing = new AbortController();
  let waking = new AbortController();
  const run = async () => {
    while (!closing.signal.aborted) {
      const now = waking.signal;
      await runAll(deps, closing.signal).catch((err: unknown) => {
        if (!closing.signal.aborted) deps.log.warn({ err }, 'work on indexes failed, trying again');
      });
      await delay(LOOK_EVERY_MS, undefined, { signal: now, ref: false }).catch(() => {});
    }
  };
  const running = run();
  const wake = () => {
    const before = waking;
    waking = new AbortController();
    before.abort();
  };
  return {
    wake,
    close: async () => {
      closing.abort();
      wake();
      await running;
    },
  };
}

/** Does all work that is there, one after the other. */
async function runAll(deps: IndexJobsDeps, closing: AbortSignal): Promise<void> {
  const operations = createResources({ ledger: deps.ledger }, OPERATIONS);
  let after = '';
  do {
    const page = await deps.ledger.scan(OPERATIONS_COLLECTION, { limit: LIST_PAGE, after });
    for (const { id } of page.documents) {
      const operation = await operations.find(id);
      if (operation !== undefined && operation.outcome === undefined) await runOne(deps, operation, closing);
    }
    after = page.documents.at(-1)?.id ?? '';
  } while (after !== '' && !closing.aborted);
}

async function runOne(deps: IndexJobsDeps, operation: Operation, closing: AbortSignal): Promise<void> {
  const { now = Date.now } = deps;
  const ageMs = now() - operation.updateTime;
  if (operation.position !== '' && ageMs >= 0 && ageMs < TAKE_OVER_MS) return;
  const step = operation.kind === 'build' ? buildStep : sweepStep;
  for (let progress: Progress = 'more'; progress === 'more' && !closing.aborted;) {
    progress = await step(deps, operation.name);
  }
}

/** `overtaken` leaves the rest to another process. */
type Progress = 'more' | 'done' | 'overtaken';

/** Puts the next documents into an index. */
async function buildStep(deps: IndexJobsDeps, name: string): Promise<Progress> {
  const { ledger, documents } = deps;
  const before = await createResources({ ledger }, OPERATIONS).find(name);
  if (before === undefined || before.outcome !== undefined) return 'done';
  const page = await ledger.query(documents.collection, {
    parent: prefixOf(documents, before.parent),
    condition: EVERYTHING,
    orderBy: [],
    after: before.position === '' ? undefined : { keys: [], id: before.position },
    limit: DOCUMENTS_PER_STEP,
    examineMax: EXAMINE_MAX,
  });
  const ids = page.found.map(({ document }) => document.id);
  let progress: Progress = 'overtaken';
  await ledger.transact(async (view) => {
    progress = 'overtaken';
    const operation = await readOperation(view, name);
    // Another process was faster, or the step has happened and its answer was lost.
    if (operation?.position !== before.position || operation.outcome !== undefined) return [];
    const built = await build(deps, view, { operation, ids, isLast: page.next === undefined });
    progress = built.isDone ? 'done' : 'more';
    return built.writes;
  });
  return progress;
}

interface BuildStep {
  readonly operation: Operation;
  readonly ids: readonly string[];
  readonly isLast: boolean;
}

interface BuiltStep {
  readonly writes: readonly Write[];
  readonly isDone: boolean;
}

async function build(deps: IndexJobsDeps, view: TransactionView, step: BuildStep): Promise<BuiltStep> {
  const { collections, now = Date.now } = deps;
  const { operation, ids, isLast } = step;
  const { name, parent, generation } = operation;
  const end = (content: OperationContent, ended: OperationEnd) => putOperation(name, finished(content, ended, now()));
  const collection = await collections.tryRead(view, parent);
  const record = collection?.indexes.find((known) => known.generation === generation);
  if (collection === undefined || record === undefined)
    return { writes: [end(operation, { outcome: 'cancelled' })], isDone: true };
  const { writes, problem } = await putDocuments(deps, view, {
    index: { ...record, order: parseIndexOrder(record.orderBy) },
    ids,
  });
  if (problem !== undefined) {
    const rest = collection.indexes.filter((known) => known !== record);
    const ended = end(operation, { outcome: 'conflict', problem });
    return { writes: [ended, collections.withIndexes(collection, rest), sweepOf(parent, record)], isDone: true };
  }
  const moved = { ...operation, position: ids.at(-1) ?? operation.position, count: operation.count + ids.length };
  if (!isLast) return { writes: [...writes, putOperation(name, moved)], isDone: false };
  const ready = collection.indexes.map((known) => (known === record ? { ...known, state: 'ready' as const } : known));
  const ended = end(moved, { outcome: 'succeeded' });
  return { writes: [...writes, ended, collections.withIndexes(collection, ready)], isDone: true };
}

interface StepDocuments {
  readonly index: CollectionIndex;
  readonly ids: readonly string[];
}

/** The entries of some documents as they are now, or what is in the way of them. */
async function putDocuments(
  { documents: { collection } }: IndexJobsDeps,
  view: TransactionView,
  { index, ids }: StepDocuments,
): Promise<{ readonly writes: readonly Write[]; readonly problem?: string }> {
  if (ids.length === 0) return { writes: [] };
  const documents = (await view.getMany(collection, ids)).filter((document) => document !== undefined);
  const entries = documents.flatMap((document) => entriesIn(index, document).map((entry) => ({ entry, document })));
  const long = entries.find(({ entry }) => entry.id.length - index.generation.length - 1 > INDEX_KEY_LENGTH_MAX);
  if (long !== undefined) return { writes: [], problem: `"${long.document.id}" has a key that is too long` };
  const owners = await readOwners(view, { index, collection, entries: entries.map(({ entry }) => entry.id) });
  for (const { entry, document } of entries) {
    if (entry.collection !== UNIQUE_KEYS_COLLECTION) continue;
    const owner = owners.get(entry.id);
    if (owner !== undefined && owner !== document.id)
      return { writes: [], problem: `"${owner}" and "${document.id}" have the same key` };
    owners.set(entry.id, document.id);
  }
  return { writes: entries.map(({ entry, document }) => putEntry(entry, document.id)) };
}

/** Which documents have keys already, by those that are there and still ask for them. */
async function readOwners(
  view: TransactionView,
  {
    index,
    collection,
    entries,
  }: { readonly index: CollectionIndex; readonly collection: string; readonly entries: readonly string[] },
): Promise<Map<string, string>> {
  const owners = new Map<string, string>();
  if (!index.unique || entries.length === 0) return owners;
  const held = (await view.getMany(UNIQUE_KEYS_COLLECTION, [...new Set(entries)])).filter((key) => key !== undefined);
  const names = held.map(documentOfEntry);
  const found: readonly (StateDocument | undefined)[] = names.length === 0 ? [] : await view.getMany(collection, names);
  for (const [position, key] of held.entries()) {
    const document = found[position];
    if (document !== undefined && entriesIn(index, document).some(({ id }) => id === key.id))
      owners.set(key.id, document.id);
  }
  return owners;
}

/** Removes some of what is stored of an index that is gone. */
async function sweepStep({ ledger, now = Date.now }: IndexJobsDeps, name: string): Promise<Progress> {
  const before = await createResources({ ledger }, OPERATIONS).find(name);
  if (before === undefined || before.outcome !== undefined) return 'done';
  const left = await findEntries(ledger, `${before.generation}/`);
  let progress: Progress = 'overtaken';
  await ledger.transact(async (view) => {
    progress = 'overtaken';
    const operation = await readOperation(view, name);
    if (operation?.position !== before.position || operation.outcome !== undefined) return [];
    progress = left.length === 0 ? 'done' : 'more';
    const last = left.at(-1);
    if (last === undefined) return [putOperation(name, finished(operation, { outcome: 'succeeded' }, now()))];
    const moved = { ...operation, position: last.id, count: operation.count + left.length };
    return [
      ...left.map(({ collection, id }): Write => ({ kind: 'delete', collection, id })),
      putOperation(name, moved),
    ];
  });
  return progress;
}

async function findEntries(ledger: Ledger, prefix: string): Promise<readonly StateDocument[]> {
  const { documents } = await ledger.scan(INDEX_ENTRIES_COLLECTION, { prefix, limit: ENTRIES_PER_STEP });
  if (documents.length > 0) return documents;
  return (await ledger.scan(UNIQUE_KEYS_COLLECTION, { prefix, limit: ENTRIES_PER_STEP })).documents;
}
