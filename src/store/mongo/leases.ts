import type { Collection, Filter, ReadConcernLevel } from 'mongodb';
import type { JsonObject } from '../json-value.js';
import { firstFence, type Lease, type LeaseName, type LeaseScan, type LeaseSwap, type SwapOutcome } from '../lease.js';
import { prefixEnd } from '../prefix-range.js';
import { isDuplicateKey } from './failures.js';
import { escapeKeys, unescapeKeys } from './key-escape.js';

/** How a lease lies in `keelson_leases`. */
export interface StoredLease {
  /** Kind and id, with a slash between them; a kind has none. */
  readonly _id: string;
  readonly fence: number;
  readonly value: JsonObject;
  readonly expireTime: Date;
}

/** Leases of all processes, each changed by an update that is guarded by its fence. */
export function createLeases(leases: Collection<StoredLease>, readConcern: ReadConcernLevel) {
  return {
    read: async (name: LeaseName): Promise<Lease | undefined> => {
      const stored = await leases.findOne({ _id: keyOf(name) }, { readConcern: { level: readConcern } });
      return stored === null ? undefined : toLease(stored);
    },
    swap: async (swap: LeaseSwap): Promise<SwapOutcome> => {
      const content = { value: escapeKeys(swap.value), expireTime: new Date(swap.expireTime) };
      if (swap.fence === undefined) return insert(leases, { _id: keyOf(swap), fence: firstFence(swap), ...content });
      const guard = { _id: keyOf(swap), fence: swap.fence };
      const { matchedCount } = await leases.updateOne(guard, { $set: { ...content, fence: swap.fence + 1 } });
      return matchedCount === 1 ? 'swapped' : 'lost';
    },
    scan: async ({ kind, prefix, after, limit }: LeaseScan): Promise<readonly Lease[]> => {
      const start = keyOf({ kind, id: prefix });
      const end = prefixEnd(start);
      const range: Filter<StoredLease> = {
        _id: { $gte: start, $gt: keyOf({ kind, id: after }), ...(end !== undefined && { $lt: end }) },
      };
      return (await leases.find(range).sort({ _id: 1 }).limit(limit).toArray()).map(toLease);
    },
    readAll: async (after: LeaseName | undefined, limit: number): Promise<readonly Lease[]> => {
      const range: Filter<StoredLease> = after === undefined ? {} : { _id: { $gt: keyOf(after) } };
      return (await leases.find(range).sort({ _id: 1 }).limit(limit).toArray()).map(toLease);
    },
    drop: async (before: number): Promise<void> => {
      await leases.deleteMany({ expireTime: { $lt: new Date(before) } });
    },
  };
}

async function insert(leases: Collection<StoredLease>, lease: StoredLease): Promise<SwapOutcome> {
  try {
    await leases.insertOne(lease);
    return 'swapped';
  } catch (err) {
    if (isDuplicateKey(err)) return 'lost';
    throw err;
  }
}

function keyOf({ kind, id }: LeaseName): string {
  return `${kind}/${id}`;
}

export function toStoredLease(lease: Lease): StoredLease {
  const { fence, value, expireTime } = lease;
  return { _id: keyOf(lease), fence, value: escapeKeys(value), expireTime: new Date(expireTime) };
}

function toLease({ _id, fence, value, expireTime }: StoredLease): Lease {
  const slash = _id.indexOf('/');
  const name = { kind: _id.slice(0, slash), id: _id.slice(slash + 1) };
  return { ...name, fence, value: unescapeKeys(value), expireTime: expireTime.getTime() };
}
