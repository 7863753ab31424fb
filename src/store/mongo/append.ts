import { setTimeout as delay } from 'node:timers/promises';
import type { Collection } from 'mongodb';
import type { Entry } from '../entry.js';
import { StoreFailedError, StoreReplacedError } from '../errors.js';
import type { AppendOutcome } from '../store.js';
import { type StoredEntry, toStoredEntry } from './documents.js';
import { isDuplicateKey, isRefusal } from './failures.js';

const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1_000;

/**
 * Inserts an entry under its first revision. If an answer is lost it asks again, with the same entry: the server then
 * either takes it or has something under that key, and the batch id tells whose it is. It asks until it knows.
 */
export async function appendEntry(
  entries: Collection<StoredEntry>,
  entry: Entry,
  { assure, closing }: { readonly assure: () => Promise<void>; readonly closing: AbortSignal },
): Promise<AppendOutcome> {
  let inDoubt = false;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    try {
      // The server that comes back may have lost the entries before it.
      await assure();
      return await insert(entries, entry);
    } catch (cause) {
      closing.throwIfAborted();
      if (cause instanceof StoreReplacedError) throw cause;
      // A refusal proves nothing about an insert whose answer was lost before.
      if (isRefusal(cause) && !inDoubt) throw new StoreFailedError('append', { cause });
      inDoubt = true;
      await delay(pauseMs, undefined, { signal: closing });
    }
  }
}

async function insert(entries: Collection<StoredEntry>, entry: Entry): Promise<AppendOutcome> {
  try {
    await entries.insertOne(toStoredEntry(entry));
    return 'appended';
  } catch (err) {
    if (!isDuplicateKey(err)) throw err;
    return await whoseEntry(entries, entry, err);
  }
}

// What stands there may be our own, from an attempt whose answer was lost. It is read with majority, so that it stays.
async function whoseEntry(entries: Collection<StoredEntry>, entry: Entry, err: unknown): Promise<AppendOutcome> {
  const found = await entries.findOne({ _id: entry.first }, { projection: { batchId: 1 } });
  // Not in the majority yet: ask again, rather than to decide on what might be rolled back.
  if (!found) throw err;
  return found.batchId === entry.batchId ? 'appended' : 'taken';
}
