import type { Write } from '../../ledger/commit.js';
import type { TransactionView } from '../../ledger/transact.js';
import type { StateDocument } from '../../store/state.js';
import type { SweepableResource } from '../sweeper.js';
import { planChanges, type PlanDeps } from './plan-changes.js';

/** How expired documents are swept: with what they have in indexes, like documents that are deleted. */
export function sweepableDocuments(plan: PlanDeps): SweepableResource {
  const { collection, expireTime } = plan.definition;
  const removal = async (view: TransactionView, expired: readonly StateDocument[]): Promise<readonly Write[]> => {
    const writes: Write[] = [];
    for (const [parent, names] of byParent(expired)) {
      const changes = names.map((name) => ({ kind: 'delete', name, condition: { kind: 'any' } }) as const);
      writes.push(...(await planChanges(plan, view, { parent, changes })).writes);
    }
    return writes;
  };
  return { collection, expireTime, removal };
}

function byParent(documents: readonly StateDocument[]): ReadonlyMap<string, readonly string[]> {
  const names = new Map<string, string[]>();
  for (const { id } of documents) {
    const parent = id.slice(0, id.indexOf('/documents/'));
    names.set(parent, [...(names.get(parent) ?? []), id]);
  }
  return names;
}
