import { isDeepStrictEqual } from 'node:util';
import { documentKey, effectsOf } from '../store/effects.js';
import { type Commit, decodeCommits } from '../store/entry.js';
import { REQUESTS_COLLECTION } from '../store/requests.js';
import type { StateDocument, StateWrite } from '../store/state.js';
import { AS_THEY_ARE, type StoreReads } from '../store/store.js';
import { ENTRIES_PER_READ, SCAN_LIMIT_MAX } from './limits.js';
import type { Fault } from './verify-chain.js';

/** Holds documents against the log, a stretch of it at a time, oldest first. */
export interface StateCheck {
  checkCommits(commits: readonly Commit[]): Promise<Fault | undefined>;
  /** To be called behind the last stretch: looks for documents that the log knows nothing of. */
  checkRest(): Promise<Fault | undefined>;
  counts(): { readonly documents: number; readonly unvouched: number };
}

export interface StateRange {
  /** Documents up to this revision have no entry to be held against. */
  readonly floor: number;
  /** Documents above this revision need not be there yet. */
  readonly applied: number;
}

export function createStateCheck(store: StoreReads, range: StateRange): StateCheck {
  // Puts whose document is not there. A later delete has to explain each of them.
  const unexplained = new Map<string, StateWrite>();
  const confirmed = new Map<string, number>();
  let unvouched = 0;

  const checkEffect = (effect: StateWrite, found: StateDocument | undefined): Fault | undefined => {
    const key = documentKey(effect);
    if (!effect.document) unexplained.delete(key);
    if (!found) {
      if (effect.document) unexplained.set(key, effect);
      return undefined;
    }
    // A newer commit has written it, and is held against it when its turn comes.
    if (found.revision > effect.revision) return undefined;
    if (!isDeepStrictEqual(found, effect.document)) return differs(effect);
    confirmed.set(effect.collection, (confirmed.get(effect.collection) ?? 0) + 1);
    return undefined;
  };
  const checkCollection = async (collection: string): Promise<Fault | undefined> => {
    let vouched = 0;
    for await (const { revision } of documentsOf(store, collection)) {
      if (revision <= range.floor) unvouched += 1;
      else vouched += 1;
    }
    // Otherwise something is there that no commit wrote, or someone wrote while we read: look at each one.
    return vouched === (confirmed.get(collection) ?? 0) ? undefined : findUnknown(store, collection, range);
  };

  return {
    checkCommits: async (commits) => {
      const effects = effectsOf(commits.filter(({ revision }) => revision <= range.applied));
      for (const { effect, found } of await readEach(store, effects, range.applied)) {
        const fault = checkEffect(effect, found);
        if (fault) return fault;
      }
      return undefined;
    },
    checkRest: async () => {
      for (const effect of unexplained.values()) if (await isMissing(store, effect)) return missing(effect);
      for (const collection of store.collections()) {
        const fault = await checkCollection(collection);
        if (fault) return fault;
      }
      return undefined;
    },
    counts: () => ({ documents: [...confirmed.values()].reduce((sum, count) => sum + count, 0), unvouched }),
  };
}

interface Pair {
  readonly effect: StateWrite;
  readonly found: StateDocument | undefined;
}

async function readEach(store: StoreReads, effects: readonly StateWrite[], at: number): Promise<readonly Pair[]> {
  const pairs: Pair[] = [];
  for (const collection of new Set(effects.map((effect) => effect.collection))) {
    const group = effects.filter((effect) => effect.collection === collection);
    const { documents } = await store.getDocuments({ collection, ids: group.map(({ id }) => id), at });
    pairs.push(...group.map((effect, index) => ({ effect, found: documents[index] })));
  }
  return pairs;
}

/** Documents as they are: at a revision, a page of what was deleted behind it would look like the end. */
async function* documentsOf(store: StoreReads, collection: string) {
  for (let after: string | undefined; ;) {
    const page = { collection, prefix: '', after, limit: SCAN_LIMIT_MAX, at: AS_THEY_ARE };
    const { documents } = await store.scanDocuments(page);
    for (const document of documents) if (document) yield document;
    after = documents.at(-1)?.id;
    if (after === undefined) return;
  }
}

async function findUnknown(store: StoreReads, collection: string, range: StateRange): Promise<Fault | undefined> {
  for await (const document of documentsOf(store, collection)) {
    if (document.revision > range.floor && !(await wasWritten(store, document))) return unknown(document);
  }
  return undefined;
}

async function wasWritten(store: StoreReads, document: StateDocument): Promise<boolean> {
  const entries = await store.readEntries(document.revision - 1, 1);
  const commit = entries.flatMap(decodeCommits).find(({ revision }) => revision === document.revision);
  const effects = commit ? effectsOf([commit]) : [];
  return effects.some((effect) => isDeepStrictEqual(effect.document, document));
}

// Requests are forgotten in time, and a document may have been deleted since its stretch was looked at.
async function isMissing(store: StoreReads, { collection, id, revision }: StateWrite): Promise<boolean> {
  if (collection === REQUESTS_COLLECTION) return false;
  const { documents } = await store.getDocuments({ collection, ids: [id], at: revision });
  return documents[0] === undefined && !(await wasDeletedAfter(store, { collection, id, revision }));
}

async function wasDeletedAfter(store: StoreReads, written: Omit<StateWrite, 'document'>): Promise<boolean> {
  for (let { revision } = written; ;) {
    const entries = await store.readEntries(revision, ENTRIES_PER_READ);
    const last = entries.at(-1);
    if (!last) return false;
    const effects = effectsOf(entries.flatMap(decodeCommits));
    if (effects.some((effect) => !effect.document && documentKey(effect) === documentKey(written))) return true;
    revision = last.last;
  }
}

function differs({ collection, id, revision }: StateWrite): Fault {
  const message = `Document "${id}" of "${collection}" is not as commit ${revision}, its last, left it`;
  return { kind: 'document-differs', revision, message };
}

function missing({ collection, id, revision }: StateWrite): Fault {
  const message = `Document "${id}" of "${collection}" is missing: commit ${revision} wrote it, and none deleted it`;
  return { kind: 'document-missing', revision, message };
}

function unknown({ collection, id, revision }: StateDocument): Fault {
  const message = `Document "${id}" of "${collection}" is not what commit ${revision} wrote, which it claims to be from`;
  return { kind: 'document-unknown', revision, message };
}
