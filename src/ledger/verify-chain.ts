import { type Commit, decodeCommits, type Entry, hashOfEntry } from '../store/entry.js';
import type { Position } from '../store/store.js';

/** The first thing that is not as it should be. */
export interface Fault {
  readonly kind:
    | 'missing'
    | 'changed'
    | 'replaced'
    | 'malformed'
    | 'noted-hash-differs'
    | 'noted-hash-missing'
    | 'document-differs'
    | 'document-missing'
    | 'document-unknown';
  /** The first revision of the entry in question. */
  readonly revision: number;
  /** A sentence for people. */
  readonly message: string;
}

/** The hash of the entry that ends with a revision, as it was printed some other day. */
export interface Note {
  /** If it is left out, the hash may be that of any entry. */
  readonly revision?: number | undefined;
  readonly hash: string;
}

/** Reads a note in the form `1234:<64 hex digits>`, or a hash alone; `undefined` if it is neither. */
export function parseNote(text: string): Note | undefined {
  const [, revision, hash] = /^(?:(\d{1,16}):)?([0-9a-f]{64})$/.exec(text) ?? [];
  if (hash === undefined) return undefined;
  return revision === undefined ? { hash } : { revision: Number(revision), hash };
}

export function formatNote({ revision, hash }: Position): string {
  return `${revision}:${hash}`;
}

/** Holds an entry against the position that the one before it left. */
export function faultOfEntry(position: Position, previous: Entry | undefined, entry: Entry): Fault | undefined {
  const { first } = entry;
  if (first !== position.revision + 1) {
    const missing = position.revision + 1;
    return { kind: 'missing', revision: missing, message: `Entry ${missing} is missing: the next one is ${first}` };
  }
  if (hashOfEntry(entry) !== entry.hash) {
    return {
      kind: 'changed',
      revision: first,
      message: `Entry ${first} was changed: its content does not have its hash`,
    };
  }
  if (entry.previousHash !== position.hash) return replaced(previous, entry);
  return faultOfBody(position, entry);
}

// The entry is whole in itself. So it is the one before that was put in the place of another, with a hash to match.
function replaced(previous: Entry | undefined, { first }: Entry): Fault {
  const revision = previous?.first ?? first;
  const message = `Entry ${revision} was replaced: entry ${first} does not follow on it`;
  return { kind: 'replaced', revision, message };
}

function faultOfBody(position: Position, entry: Entry): Fault | undefined {
  const { first, last, time } = entry;
  const commits = tryDecode(entry);
  const isWhole =
    commits?.length === last - first + 1 && commits.every(({ revision }, index) => revision === first + index);
  if (isWhole && time >= position.time) return undefined;
  return {
    kind: 'malformed',
    revision: first,
    message: `Entry ${first} is malformed: it is not one that the ledger wrote`,
  };
}

function tryDecode(entry: Entry): readonly Commit[] | undefined {
  try {
    return decodeCommits(entry);
  } catch {
    return undefined;
  }
}
