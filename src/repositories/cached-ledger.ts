import { randomBytes } from 'node:crypto';
import { createCache, type Cache, type CacheOptions, type Freshness } from '../cache/cache.js';
import { createEnvelopes, type Envelopes } from '../cache/envelope.js';
import type { SharedTier } from '../cache/shared-tier.js';
import type { VersionedSource, WaitOptions } from '../cache/versioned-source.js';
import type { HeldDocument, Ledger } from '../ledger/ledger.js';
import { freezeDeep } from '../frozen/frozen.js';
import { weightOf } from '../store/weight.js';
import type { StateDocument } from '../store/state.js';

/** Holds the secret that sealed cache entries are proved with; processes on one database share it. */
export const CACHE_KEYS_COLLECTION = 'cache_keys';

/** What a cached document takes beside its content: the resource and the message made of it, and how those are kept. */
const DERIVED_BYTES = 640;

const SECRET_ID = 'shared';
const SECRET_BYTES = 32;

export interface CachedLedgerOptions {
  readonly ledger: Ledger;
  readonly sharedTier?: SharedTier;
  readonly nearBytesMax?: number;
  /** Makes the cache. Default {@link createCache}; a test makes one that lacks something. */
  readonly createCache?: (options: CacheOptions<StateDocument>) => Cache<StateDocument>;
}

/** A ledger whose `get` needs no database where it can be shown that nothing has changed. */
export interface CachedLedger extends Ledger {
  getHeld(collection: string, id: string, freshness?: Freshness): HeldDocument | undefined;
  readonly cache: Pick<Cache<StateDocument>, 'metrics' | 'nearBytes' | 'isSharing' | 'isCircuitOpen'>;
}

/**
 * Puts a cache in front of a ledger's `get`; everything else goes to the ledger as it is. The collection that
 * {@link CACHE_KEYS_COLLECTION} names must be declared. Closing it closes the ledger.
 */
export async function createCachedLedger(options: CachedLedgerOptions): Promise<CachedLedger> {
  const { ledger, sharedTier, nearBytesMax, createCache: create = createCache } = options;
  const shared = sharedTier && { tier: sharedTier, envelopes: await openEnvelopes(ledger) };
  const cache = create({
    source: createSource(ledger),
    codec: { encode: (document) => Buffer.from(JSON.stringify(document)), decode: decodeDocument, hold: holdDocument },
    ...(shared && { shared }),
    ...(nearBytesMax !== undefined && { nearBytesMax }),
  });
  return {
    ...ledger,
    cache,
    // An unknown collection or a malformed id is refused by the ledger, and such a key is in no tier.
    getHeld: (collection, id, freshness) => cache.getHeld(keyOf({ collection, id }), freshness),
    get: (collection, id, readOptions) => cache.get(keyOf({ collection, id }), readOptions),
    close: async () => {
      cache.close();
      await ledger.close();
    },
  };
}

interface DocumentName {
  readonly collection: string;
  readonly id: string;
}

// A collection's name has no slash.
function keyOf({ collection, id }: DocumentName): string {
  return `${collection}/${id}`;
}

function nameOf(key: string): DocumentName {
  const slash = key.indexOf('/');
  return { collection: key.slice(0, slash), id: key.slice(slash + 1) };
}

function createSource(ledger: Ledger): VersionedSource<StateDocument> {
  return {
    revision: () => ledger.revision(),
    hasReached: (freshness) => ledger.hasReached(freshness),
    catchUp: (options) => ledger.catchUp(options),
    waitFor: (revision, options) => ledger.waitFor(revision, options),
    check: (key) => {
      const { collection, id } = nameOf(key);
      ledger.check(collection, id);
    },
    read: (keys, options) => readKeys(ledger, keys, options),
    observe: (observer) =>
      ledger.observe({
        commits(commits) {
          for (const { revision, writes } of commits) {
            for (const write of writes) observer.changed(keyOf(write), revision);
          }
        },
        reset: (revision) => observer.reset(revision),
      }),
  };
}

/** One read a collection. What they have in common is the lowest of their revisions; to claim less is always safe. */
async function readKeys(ledger: Ledger, keys: readonly string[], { signal }: WaitOptions) {
  const names = keys.map(nameOf);
  const collections = [...new Set(names.map(({ collection }) => collection))];
  const found = new Map<string, StateDocument | undefined>();
  const revisions = await Promise.all(
    collections.map(async (collection) => {
      const ids = names.filter((name) => name.collection === collection).map(({ id }) => id);
      const { revision, documents } = await ledger.getMany(collection, ids, { freshness: 'any', signal });
      for (const [index, id] of ids.entries()) found.set(keyOf({ collection, id }), documents[index]);
      return revision;
    }),
  );
  return { revision: Math.min(...revisions), values: keys.map((key) => found.get(key)) };
}

function decodeDocument(bytes: Uint8Array): StateDocument {
  // Its seal was proved: a process of ours wrote it.
  return JSON.parse(Buffer.from(bytes).toString('utf8')) as StateDocument;
}

/** Everybody who asks gets the same document, and what was made of it for others, so nobody may change it. */
function holdDocument(document: StateDocument): number {
  freezeDeep(document);
  return DERIVED_BYTES + weightOf(document.value);
}

async function openEnvelopes(ledger: Ledger): Promise<Envelopes> {
  const made = randomBytes(SECRET_BYTES).toString('base64url');
  let secret = made;
  await ledger.transact(async (view) => {
    const existing = await view.get(CACHE_KEYS_COLLECTION, SECRET_ID);
    secret = existing === undefined ? made : String(existing.value['secret'] as string);
    if (existing !== undefined) return [];
    return [{ kind: 'put', collection: CACHE_KEYS_COLLECTION, id: SECRET_ID, value: { secret } }];
  });
  return createEnvelopes(Buffer.from(secret, 'base64url'), (revision) => ledger.markAt(revision));
}
