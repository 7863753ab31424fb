import type { Write } from '../../ledger/commit.js';
import type { TransactionView } from '../../ledger/transact.js';
import type { DocumentChange } from './document-changes.js';
import { progressOf, type ImportFailure, type ImportProgress } from './import-progress.js';
import { planChanges, type PlanDeps } from './plan-changes.js';

/** An item of an import: a change, or why it cannot be one. */
export type ImportItem =
  | { readonly index: number; readonly documentId: string; readonly change: DocumentChange; readonly bytes: number }
  | {
      readonly index: number;
      readonly documentId: string;
      readonly failure: Omit<ImportFailure, 'index' | 'documentId'>;
    };

/** What items are judged with. */
export interface ItemPlanDeps {
  readonly plan: PlanDeps;
  /** Says under which reason a refusal is counted. */
  readonly reasonOf: (err: unknown) => { readonly reason: string; readonly problem: string } | undefined;
}

/** What to write for items, and what comes of them then. */
export interface ItemPlan {
  readonly writes: readonly Write[];
  readonly done: ImportProgress;
}

/** Judges items of one collection with different names, each for itself. */
export async function planItems(
  { plan, reasonOf }: ItemPlanDeps,
  view: TransactionView,
  { parent, items }: { readonly parent: string; readonly items: readonly ImportItem[] },
): Promise<ItemPlan> {
  const sound = items.flatMap((item) => ('change' in item ? [item] : []));
  const broken = items.flatMap((item) =>
    'failure' in item ? [{ index: item.index, documentId: item.documentId, ...item.failure }] : [],
  );
  const nextIndex = (items.at(-1)?.index ?? -1) + 1;
  if (sound.length === 0) return { writes: [], done: progressOf({ nextIndex, importedCount: 0, failures: broken }) };
  const { writes, refusals } = await planChanges(plan, view, { parent, changes: sound.map(({ change }) => change) });
  const refused = [...refusals].map(([position, err]): ImportFailure => {
    const explained = reasonOf(err);
    // What is nobody's fault ends the import.
    if (explained === undefined) throw err;
    const { index = 0, documentId = '' } = sound[position] ?? {};
    return { index, documentId, ...explained };
  });
  const failures = [...broken, ...refused].sort((a, b) => a.index - b.index);
  return { writes, done: progressOf({ nextIndex, importedCount: sound.length - refused.length, failures }) };
}
