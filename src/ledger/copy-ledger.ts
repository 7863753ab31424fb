import type { BackupWriter } from '../store/backup.js';
import { effectsOf } from '../store/effects.js';
import { decodeCommits, type Entry } from '../store/entry.js';
import { BackupFailedError } from '../store/errors.js';
import { REQUESTS_COLLECTION } from '../store/requests.js';
import type { StateDocument } from '../store/state.js';
import { AS_THEY_ARE, type Position, type StoreReads } from '../store/store.js';
import { ENTRIES_PER_READ } from './limits.js';

// A value may have a mebibyte.
const DOCUMENTS_PER_READ = 200;

/**
 * Copies a database that others go on writing, so that the copy is as the database was at one revision: the end of the log at
 * some moment after the call.
 *
 * Documents are read one page after another while commits change them. Each is then at least as new as the state at the
 * watermark, read first; and applying all entries behind the watermark, in order, brings every document that any of them
 * wrote to what the last of them left, whenever it was read.
 */
export async function copyLedger(source: StoreReads, target: BackupWriter): Promise<void> {
  const floor = await source.readFloor();
  const applied = await source.readApplied();
  const copy: Copy = { source, target, declared: new Set() };
  declare(copy, source.collections());
  if (floor.revision > 0) target.setFloor(floor);
  await copyHistory(copy, floor, applied);
  for (const name of [REQUESTS_COLLECTION, ...copy.declared]) await copyDocuments(copy, name);
  await copyLeases(copy);
  target.addFollowers(await source.readFollowers());
  await copyRest(copy, applied);
}

interface Copy {
  readonly source: StoreReads;
  readonly target: BackupWriter;
  /** A collection may be declared elsewhere while this runs: what the log names is there. */
  readonly declared: Set<string>;
}

function declare({ target, declared }: Copy, names: readonly string[]): void {
  const added = names.filter((name) => name !== REQUESTS_COLLECTION && !declared.has(name));
  if (added.length > 0) target.declareCollections(added);
  for (const name of added) declared.add(name);
}

/** Takes the entries that the documents show already. */
async function copyHistory(copy: Copy, floor: Position, applied: Position): Promise<void> {
  for (let { revision } = floor; revision < applied.revision;) {
    const read = await copy.source.readEntries(revision, ENTRIES_PER_READ);
    const entries = read.filter(({ last }) => last <= applied.revision);
    const last = entries.at(-1);
    if (last === undefined || entries[0]?.first !== revision + 1) throw historyDropped();
    declare(copy, collectionsOf(entries));
    copy.target.addEntries(entries);
    revision = last.last;
  }
}

async function copyDocuments({ source, target }: Copy, collection: string): Promise<void> {
  for (let after: string | undefined; ;) {
    const page = { collection, prefix: '', after, limit: DOCUMENTS_PER_READ, at: AS_THEY_ARE };
    const { documents } = await source.scanDocuments(page);
    const found = documents.filter((document): document is StateDocument => document !== undefined);
    if (found.length === 0) return;
    target.addDocuments(found);
    after = found.at(-1)?.id;
  }
}

async function copyLeases({ source, target }: Copy): Promise<void> {
  let leases = await source.readLeases(undefined, DOCUMENTS_PER_READ);
  while (leases.length > 0) {
    target.addLeases(leases);
    leases = await source.readLeases(leases.at(-1), DOCUMENTS_PER_READ);
  }
}

async function copyRest(copy: Copy, applied: Position): Promise<void> {
  for (let { revision } = applied; ;) {
    const entries = await copy.source.readTail(revision, ENTRIES_PER_READ);
    const last = entries.at(-1);
    if (last === undefined) return;
    declare(copy, collectionsOf(entries));
    for (const entry of entries) if (!copy.target.append(entry)) throw historyDropped();
    revision = last.last;
  }
}

function collectionsOf(entries: readonly Entry[]): readonly string[] {
  return effectsOf(entries.flatMap(decodeCommits)).map(({ collection }) => collection);
}

function historyDropped(): BackupFailedError {
  return new BackupFailedError('the log', 'retention dropped a part of it meanwhile; try again');
}
