import { setTimeout as delay } from 'node:timers/promises';
import type { Collection } from 'mongodb';
import { effectsOf } from '../effects.js';
import { decodeCommits, type Entry } from '../entry.js';
import type { StateWrite } from '../state.js';
import type { Position } from '../store.js';
import type { LedgerCollections } from './database.js';
import { type StoredDocument, toStoredDocument } from './documents.js';
import { ignoreDuplicateKey, insertsOfBulk } from './failures.js';
import type { Positions } from './positions.js';

/**
 * How long after it knew that entries were not applied a process may write them without asking whether they were
 * applied, and their deletions forgotten, meanwhile. Retention drops neither until several times as long after that.
 */
const APPLY_TRUST_MS = 30_000;

// Whoever appended an entry is about to apply it. Others give it this long before they help.
const HELP_AFTER_MS = [2, 4, 8, 16];

export interface ApplyOptions {
  readonly collections: LedgerCollections;
  readonly positions: Positions;
  /** A clock that never tells too little. */
  readonly elapsed: () => number;
}

/**
 * Writes what entries of other processes do to the state. Their owners are about to do it themselves, so they are given
 * a moment; what is not applied then is applied by us.
 */
export async function applyForeign(options: ApplyOptions, entries: readonly Entry[]): Promise<void> {
  for (;;) {
    const began = options.elapsed();
    const open = await waitForOwners(options.positions, entries);
    if (open.length === 0) return;
    if (await applyEntries(options, open, began)) return markApplied(options.positions, open);
  }
}

/**
 * Writes what entries do to the state, each document guarded by its revision. `knownAt` is a moment at which the entries
 * were not applied yet. False, with nothing written, if that was too long ago.
 */
export async function applyEntries(
  options: ApplyOptions,
  entries: readonly Entry[],
  knownAt: number,
): Promise<boolean> {
  const { collections, elapsed } = options;
  const [first] = entries;
  if (!first) return true;
  const groups = Object.entries(groupByCollection(effectsOf(entries.flatMap(decodeCommits))));
  if (elapsed() - knownAt > APPLY_TRUST_MS) return false;
  const inserted = await Promise.all(
    groups.map(([name, group]) => applyToCollection(collections.documents(name), group, first.first)),
  );
  if (elapsed() - knownAt > APPLY_TRUST_MS) await undoLateInserts(options, inserted.flat());
  return true;
}

/** Tells the other processes that these entries, and so all before them, are applied. */
export async function markApplied(positions: Positions, entries: readonly Entry[]): Promise<void> {
  const last = entries.at(-1);
  if (last) await positions.raise('applied', { revision: last.last, hash: last.hash, time: last.time });
}

async function waitForOwners(positions: Positions, entries: readonly Entry[]): Promise<readonly Entry[]> {
  let open = entries;
  for (const waitMs of HELP_AFTER_MS) {
    const applied = await positions.read('applied');
    open = open.filter(({ last }) => last > applied.revision);
    if (open.length === 0) break;
    await delay(waitMs);
  }
  return open;
}

function groupByCollection(effects: readonly StateWrite[]): Record<string, StateWrite[]> {
  const groups: Record<string, StateWrite[]> = {};
  for (const effect of effects) (groups[effect.collection] ??= []).push(effect);
  return groups;
}

/** Gives the effects that inserted a document. `firstRevision` is the first one that is not applied yet. */
async function applyToCollection(
  documents: Collection<StoredDocument>,
  effects: readonly StateWrite[],
  firstRevision: number,
): Promise<readonly StateWrite[]> {
  const operations = effects.map((effect) => toOperation(effect, firstRevision));
  try {
    await documents.bulkWrite(operations, { ordered: false });
    return effects.filter((_, index) => operations[index] && 'insertOne' in operations[index]);
  } catch (err) {
    const isInserted = insertsOfBulk(
      err,
      operations.map((operation) => 'insertOne' in operation),
    );
    const inserted = effects.filter((_, index) => isInserted(index));
    const rest = await withoutApplied(documents, effects);
    return [...inserted, ...(await applyOneByOne(documents, rest, firstRevision))];
  }
}

function toOperation(effect: StateWrite, firstRevision: number) {
  // Nearly always it is new, and an insert is cheaper than to look first. A tombstone makes it a duplicate.
  if (effect.document && mayInsert(effect, firstRevision)) return { insertOne: { document: toStoredDocument(effect) } };
  return { replaceOne: toReplacement(effect, firstRevision) };
}

function toReplacement(effect: StateWrite, firstRevision: number) {
  const { _id, ...replacement } = toStoredDocument(effect);
  // If the document is as new already, the filter finds nothing. An upsert then meets the key: a duplicate, and no harm.
  const filter = { _id, revision: { $lt: effect.revision } };
  return { filter, replacement, upsert: mayInsert(effect, firstRevision) };
}

// A document from before is there, or was deleted since: then it must not come back. A deletion leaves its tombstone even
// where there is nothing, because another process may be about to write what these entries created and deleted.
function mayInsert({ document }: StateWrite, firstRevision: number): boolean {
  return document === undefined || document.createRevision >= firstRevision;
}

// Some were applied by another process. Not every server goes on with an unordered bulk write behind a duplicate key.
async function applyOneByOne(
  documents: Collection<StoredDocument>,
  effects: readonly StateWrite[],
  firstRevision: number,
): Promise<readonly StateWrite[]> {
  const inserted: StateWrite[] = [];
  for (const effect of effects) {
    const { filter, replacement, upsert } = toReplacement(effect, firstRevision);
    const result = await documents.replaceOne(filter, replacement, { upsert }).catch(ignoreDuplicateKey);
    if (result && result.upsertedCount > 0) inserted.push(effect);
  }
  return inserted;
}

async function withoutApplied(
  documents: Collection<StoredDocument>,
  effects: readonly StateWrite[],
): Promise<readonly StateWrite[]> {
  const ids = effects.map(({ id }) => id);
  const found = await documents.find({ _id: { $in: ids } }, { projection: { revision: 1 } }).toArray();
  const revisions = new Map(found.map(({ _id, revision }) => [_id, revision]));
  return effects.filter(({ id, revision }) => (revisions.get(id) ?? 0) < revision);
}

// This process was frozen while it wrote. What it inserted below the floor had been applied, deleted and forgotten
// before, or it would have been there.
async function undoLateInserts(
  { collections, positions }: ApplyOptions,
  inserted: readonly StateWrite[],
): Promise<void> {
  const floor: Position = await positions.read('floor');
  for (const { collection, id, revision } of inserted) {
    if (revision <= floor.revision) await collections.documents(collection).deleteOne({ _id: id, revision });
  }
}
