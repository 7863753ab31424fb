import { decodeCommits, type Entry } from '../store/entry.js';
import type { Position, StoreReads } from '../store/store.js';
import { ENTRIES_PER_READ } from './limits.js';
import { positionAfter } from './log.js';
import { createStateCheck } from './verify-state.js';
import { faultOfEntry, type Fault, type Note } from './verify-chain.js';

export interface VerifyOptions {
  /** A hash that was noted earlier. Without one, a history that was rewritten as a whole looks like any other. */
  readonly note?: Note | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Is called after every few entries with the revision that was reached, and with the last one. */
  readonly onProgress?: ((revision: number, last: number) => void) | undefined;
}

/** What verifying came to. Nothing but the first fault is told, because what follows one can mean anything. */
export type Verification =
  { readonly ok: true; readonly summary: VerifySummary } | { readonly ok: false; readonly fault: Fault };

export interface VerifySummary {
  /** The end of the log. Note its hash somewhere else: the next run can start to trust from there. */
  readonly end: Position;
  /** The end of what retention dropped. */
  readonly floor: Position;
  readonly entries: number;
  /** Documents that are as the log says. */
  readonly documents: number;
  /** Documents whose last commit was dropped by retention, so that nothing vouches for them. */
  readonly unvouched: number;
}

/**
 * Walks the log from its oldest entry, and holds every entry against the one before it and every document against the
 * entry that wrote it last. It reads only, and may run beside processes that write.
 */
export async function verifyLedger(store: StoreReads, options: VerifyOptions = {}): Promise<Verification> {
  const floor = await store.readFloor();
  const applied = await store.readApplied();
  const state = createStateCheck(store, { floor: floor.revision, applied: applied.revision });
  const walk: Walk = { position: floor, previous: undefined, entries: 0, noteFound: isNoted(floor, options.note) };
  for (;;) {
    options.signal?.throwIfAborted();
    const entries = await store.readEntries(walk.position.revision, ENTRIES_PER_READ);
    if (entries.length === 0) break;
    const fault =
      walkEntries(walk, entries, options.note) ?? (await state.checkCommits(entries.flatMap(decodeCommits)));
    if (fault) return { ok: false, fault };
    options.onProgress?.(walk.position.revision, Math.max(applied.revision, walk.position.revision));
  }
  const fault = faultOfEnd(walk, applied, options.note) ?? (await state.checkRest());
  if (fault) return { ok: false, fault };
  return { ok: true, summary: { end: walk.position, floor, entries: walk.entries, ...state.counts() } };
}

/** How far the walk has come. */
interface Walk {
  position: Position;
  previous: Entry | undefined;
  entries: number;
  noteFound: boolean;
}

function walkEntries(walk: Walk, entries: readonly Entry[], note: Note | undefined): Fault | undefined {
  for (const entry of entries) {
    const fault = faultOfEntry(walk.position, walk.previous, entry) ?? faultOfNote(entry, note);
    if (fault) return fault;
    walk.position = positionAfter(entry);
    walk.previous = entry;
    walk.entries += 1;
    walk.noteFound ||= isNoted(walk.position, note);
  }
  return undefined;
}

function isNoted(position: Position, note: Note | undefined): boolean {
  return note === undefined || position.hash === note.hash;
}

function faultOfNote({ first, last, hash }: Entry, note: Note | undefined): Fault | undefined {
  if (note?.revision === undefined || note.revision < first || note.revision > last) return undefined;
  if (note.revision === last && note.hash === hash) return undefined;
  return { kind: 'noted-hash-differs', revision: first, message: `Entry ${first} is not the one that was noted` };
}

function faultOfEnd(walk: Walk, applied: Position, note: Note | undefined): Fault | undefined {
  const { revision } = walk.position;
  if (applied.revision > revision) return cutOff(revision + 1, `the state shows commits up to ${applied.revision}`);
  const noted = note?.revision;
  if (noted !== undefined && noted > revision) return cutOff(revision + 1, `revision ${noted} was noted`);
  if (walk.noteFound) return undefined;
  // What was noted may have been dropped by retention; then there is nothing left to hold it against.
  return { kind: 'noted-hash-missing', revision: noted ?? revision, message: 'No entry has the hash that was noted' };
}

function cutOff(revision: number, evidence: string): Fault {
  return { kind: 'missing', revision, message: `Entry ${revision} is missing: ${evidence}` };
}
