import { setMaxListeners } from 'node:events';
import { CommitTooLargeError } from '../../ledger/errors.js';
import type { Write } from '../../ledger/commit.js';
import type { Ledger } from '../../ledger/ledger.js';
import type { TransactionView } from '../../ledger/transact.js';
import type { JsonObject } from '../../store/json-value.js';
import { planItems, type ImportItem, type ItemPlanDeps } from './import-part.js';
import {
  advance,
  decodeImport,
  encodeProgress,
  IMPORTS_COLLECTION,
  NO_PROGRESS,
  type ImportProgress,
} from './import-progress.js';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Parts that are on their way at one time. What is planned while others are written shares the next transaction. */
const PARTS_MAX = 4;

/** Documents of one commit, beside the settings of the collection and the progress. */
const PART_ITEMS_MAX = 490;
const PART_BYTES_MAX = 3 * MIB;

export interface ImportStart {
  readonly parent: string;
  /** The name of the import, whose progress each commit notes; `undefined` for one that cannot be resumed. */
  readonly name: string | undefined;
  readonly progress: ImportProgress;
}

/** An import that is under way. */
export interface ImportRun {
  /** Takes the items that come next, and resolves when more may come. Rejects if those before could not be written. */
  add(items: readonly ImportItem[]): Promise<void>;
  /** Waits until all is durable, and gives how far the import is. */
  end(): Promise<ImportProgress>;
}

export interface ImportRunDeps extends ItemPlanDeps {
  readonly ledger: Ledger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** How far an import is behind a part; for one that cannot be resumed, what came of the part alone. */
interface Step {
  readonly progress: ImportProgress;
  readonly stored: JsonObject | undefined;
}

/** Some items on their way. */
interface Part {
  readonly documentIds: ReadonlySet<string>;
  /** Resolves when it is known what comes of it, if nothing changes meanwhile. */
  readonly planned: Promise<Step>;
  /** Resolves when it is durable. */
  readonly done: Promise<Step>;
}

/**
 * Imports items part by part. A part is planned on what the part before it is expected to leave, and its commit holds only
 * if that came true; if not, it waits for that part and is planned again.
 */
export function startImportRun(
  deps: ImportRunDeps,
  { parent, name, progress }: ImportStart,
  signal: AbortSignal,
): ImportRun {
  // Each part listens for the end of the call wherever it waits.
  setMaxListeners(0, signal);
  const parts: Part[] = [];
  let itemsMax = PART_ITEMS_MAX;
  let ended = progress;

  const endOldest = async () => {
    const step = await parts[0]?.done;
    parts.shift();
    if (step !== undefined) ended = name === undefined ? advance(ended, step.progress) : step.progress;
  };
  const endAll = async () => {
    while (parts.length > 0) await endOldest();
    return ended;
  };
  const commitAll = async (
    items: readonly ImportItem[],
    before: Part | undefined,
    onPlanned: (step: Step) => void,
  ): Promise<Step> => {
    try {
      return await commitPart(deps, { parent, name, items, before, onPlanned }, signal);
    } catch (err) {
      // Documents of a collection that has indexes take more writes.
      if (!(err instanceof CommitTooLargeError) || items.length < 2) throw err;
    }
    const half = Math.ceil(items.length / 2);
    itemsMax = Math.min(itemsMax, half);
    const first = await commitAll(items.slice(0, half), before, () => {});
    const second = await commitAll(items.slice(half), undefined, () => {});
    return name === undefined ? { ...second, progress: advance(first.progress, second.progress) } : second;
  };
  const send = async (items: readonly ImportItem[]) => {
    // Of a name that stands in several items, each is judged on what those before it left.
    if (parts.some(({ documentIds }) => items.some(({ documentId }) => documentIds.has(documentId)))) await endAll();
    while (parts.length >= PARTS_MAX) await endOldest();
    const before = parts.at(-1);
    let onPlanned: (step: Step) => void = () => {};
    const firstPlan = new Promise<Step>((resolve) => (onPlanned = resolve));
    const done = commitAll(items, before, onPlanned);
    const planned = Promise.race([firstPlan, done]);
    // A failure is told when its turn comes.
    planned.catch(() => {});
    parts.push({ documentIds: new Set(items.map(({ documentId }) => documentId)), planned, done });
  };
  return {
    add: async (items) => {
      for (const part of partsOf(items, () => itemsMax)) await send(part);
    },
    end: endAll,
  };
}

interface PartInput {
  readonly parent: string;
  readonly name: string | undefined;
  readonly items: readonly ImportItem[];
  /** The part before, if it is on its way. */
  readonly before: Part | undefined;
  readonly onPlanned: (step: Step) => void;
}

async function commitPart(deps: ImportRunDeps, input: PartInput, signal: AbortSignal): Promise<Step> {
  const { parent, name, items, before, onPlanned } = input;
  let step = NOTHING;
  let isFirst = true;
  const decide = async (view: TransactionView): Promise<readonly Write[]> => {
    const base = isFirst && before ? await expectStep(view, name, before) : await readStep(view, name, before);
    isFirst = false;
    // Of a name that another call has taken up meanwhile, the rest is left to do.
    const left = items.filter(({ index }) => index >= base.progress.nextIndex);
    if (left.length === 0) {
      step = base;
      return [];
    }
    const { writes, done } = await planItems(deps, view, { parent, items: left });
    const progress = advance(base.progress, done);
    if (name === undefined) {
      step = { progress, stored: undefined };
      return writes;
    }
    const stored = encodeProgress(progress, deps.now());
    step = { progress, stored };
    return [...writes, { kind: 'put', collection: IMPORTS_COLLECTION, id: name, value: stored }];
  };
  await deps.ledger.transact(
    async (view) => {
      const writes = await decide(view);
      onPlanned(step);
      return writes;
    },
    { signal },
  );
  return step;
}

const NOTHING: Step = { progress: NO_PROGRESS, stored: undefined };

/** What the part before leads to, if its commit is as it was planned. */
async function expectStep(view: TransactionView, name: string | undefined, before: Part): Promise<Step> {
  if (name === undefined) return NOTHING;
  const step = await before.planned;
  view.expect(IMPORTS_COLLECTION, name, step.stored);
  return step;
}

/** What is stored when the part before is durable. */
async function readStep(view: TransactionView, name: string | undefined, before: Part | undefined): Promise<Step> {
  if (name === undefined) return NOTHING;
  await before?.done;
  const state = await view.get(IMPORTS_COLLECTION, name);
  return state === undefined ? NOTHING : { progress: decodeImport(state), stored: state.value };
}

/** Puts items together that fit into one commit and have different names. */
function* partsOf(items: readonly ImportItem[], itemsMax: () => number): Generator<readonly ImportItem[]> {
  let part: ImportItem[] = [];
  let bytes = 0;
  let names = new Set<string>();
  for (const item of items) {
    const size = 'bytes' in item ? item.bytes : 0;
    const isFull = part.length >= itemsMax() || (part.length > 0 && bytes + size > PART_BYTES_MAX);
    if (isFull || names.has(item.documentId)) {
      yield part;
      part = [];
      bytes = 0;
      names = new Set();
    }
    part.push(item);
    names.add(item.documentId);
    bytes += size;
  }
  if (part.length > 0) yield part;
}
