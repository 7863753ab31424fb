import type { Collection, ReadConcernLevel } from 'mongodb';
import type { Entry } from '../entry.js';
import { type StoredEntry, toEntry } from './documents.js';
import type { Positions } from './positions.js';

/** Reads the entries behind an end of an entry with the strongest read concern there is. */
export async function readTail(
  entries: Collection<StoredEntry>,
  range: { readonly after: number; readonly limit: number },
  level: ReadConcernLevel,
): Promise<Entry[]> {
  const options = { sort: { _id: 1 }, limit: range.limit, readConcern: { level } } as const;
  return (await entries.find({ _id: { $gt: range.after } }, options).toArray()).map(toEntry);
}

/** Reads entries that hold any revision above `after`. */
export async function readEntries(
  entries: Collection<StoredEntry>,
  range: { readonly after: number; readonly limit: number },
  positions: Positions,
): Promise<Entry[]> {
  const from = await firstBehind(entries, range.after);
  const found = await entries.find({ _id: { $gte: from } }, { sort: { _id: 1 }, limit: range.limit }).toArray();
  // The floor is read last: what lies below it may be half swept, or come from a process that was frozen.
  const floor = await positions.read('floor');
  return found.map(toEntry).filter(({ first }) => first > floor.revision);
}

// The entry that holds `after + 1` may begin before it.
async function firstBehind(entries: Collection<StoredEntry>, after: number): Promise<number> {
  const options = { sort: { _id: -1 }, projection: { last: 1 } } as const;
  const found = await entries.findOne({ _id: { $lte: after + 1 } }, options);
  return found && found.last > after ? found._id : after + 1;
}
