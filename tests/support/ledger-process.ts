// A process with a ledger, for tests that kill and freeze processes. It is started with `node`, the engine and its place,
// and, if it is to cache, with how.
import { createRedisTier } from '../../src/cache/redis/redis-tier.js';
import { createLedger, type Ledger } from '../../src/ledger/ledger.js';
import { createRedisWake } from '../../src/ledger/wake/redis-wake.js';
import { CACHE_KEYS_COLLECTION, createCachedLedger, type CachedLedger } from '../../src/repositories/cached-ledger.js';
import { openEmbeddedStore } from '../../src/store/embedded/open-embedded-store.js';
import { openMongoStore } from '../../src/store/mongo/open-mongo-store.js';
import type { Store } from '../../src/store/store.js';
import { KEY_PREFIX } from './cached-ledgers.js';
import { delegateStore } from './delegating-store.js';
import {
  type ProcessAnswer,
  type ProcessCache,
  type ProcessCall,
  type ProcessCounts,
  type ProcessRequest,
  REGISTERS,
} from './process-calls.js';
import { SILENT_LOGGER } from './silent-logger.js';

const POLL_INTERVAL_MS = 50;
// With the wake-up there is a slow poll behind it, as there is in a server.
const POLL_BEHIND_WAKE_MS = 500;

const [engine, place = '', cacheText] = process.argv.slice(2);
const opened =
  engine === 'embedded' ? await openEmbeddedStore({ dataDir: place }) : await openMongoStore({ url: place });
let databaseReads = 0;
const store = countingReads(opened);
await store.declareCollections([REGISTERS, CACHE_KEYS_COLLECTION]);
const cache = cacheText === undefined ? undefined : (JSON.parse(cacheText) as ProcessCache);
const ledger = await openLedger(cache);

process.on('message', (request: ProcessRequest) => void serve(request));
// The test is gone; so is the reason to be here.
process.on('disconnect', () => process.exit(0));
send({ kind: 'ready' });

function countingReads(counted: Store): Store {
  return delegateStore(counted, {
    getDocuments: (request) => {
      if (request.collection === REGISTERS) databaseReads += 1;
      return counted.getDocuments(request);
    },
  });
}

async function openLedger(options: ProcessCache | undefined): Promise<Ledger | CachedLedger> {
  const { redisUrl: url, budgetMs, nearBytesMax } = options ?? {};
  const { databaseId } = store;
  const wake = url === undefined ? undefined : createRedisWake({ url, databaseId, logger: SILENT_LOGGER });
  const pollIntervalMs = wake === undefined ? POLL_INTERVAL_MS : POLL_BEHIND_WAKE_MS;
  const plain = await createLedger({ store, logger: SILENT_LOGGER, pollIntervalMs, ...(wake && { wake }) });
  if (options === undefined) return plain;
  const sharedTier =
    url === undefined
      ? undefined
      : createRedisTier({
          url,
          keyPrefix: KEY_PREFIX,
          log: SILENT_LOGGER,
          ...(budgetMs !== undefined && { budgetMs }),
        });
  return createCachedLedger({
    ledger: plain,
    ...(sharedTier && { sharedTier }),
    ...(nearBytesMax !== undefined && { nearBytesMax }),
  });
}

async function serve({ id, call }: ProcessRequest): Promise<void> {
  try {
    if (call.kind === 'follow') return await follow(call.after);
    const output = await perform(call);
    // Whatever the call has read or written, this process has followed by now.
    send({ kind: 'output', id, output, token: ledger.revision() });
  } catch (err) {
    send({ kind: 'failure', id, message: String(err) });
  }
}

async function perform(call: Exclude<ProcessCall, { kind: 'follow' }>): Promise<string> {
  switch (call.kind) {
    case 'get':
      return get(call.key, call.freshness);
    case 'put': {
      const put = { kind: 'put', collection: REGISTERS, id: call.key, value: { text: call.value } } as const;
      await ledger.commit({ writes: [put], request: requestOf(call.value) });
      return '';
    }
    case 'remove': {
      const remove = { kind: 'delete', collection: REGISTERS, id: call.key } as const;
      await ledger.commit({ writes: [remove], request: requestOf(call.request) });
      return '';
    }
    case 'swap':
      return swap(call.key, call.value);
    case 'get many': {
      const texts = await Promise.all(Array.from({ length: call.times }, () => get(call.key)));
      return String(texts.filter((text) => text === texts[0]).length);
    }
    case 'count':
      return JSON.stringify(counts());
  }
}

async function get(key: string, freshness: 'latest' | 'any' | number = 'latest'): Promise<string> {
  return textOf((await ledger.get(REGISTERS, key, { freshness }))?.value.text);
}

async function swap(key: string, value: string): Promise<string> {
  let before = '';
  await ledger.transact(async (view) => {
    before = textOf((await view.get(REGISTERS, key))?.value.text);
    return [{ kind: 'put', collection: REGISTERS, id: key, value: { text: value } }];
  });
  return before;
}

async function follow(after: number): Promise<void> {
  for await (const event of ledger.follow({ after })) {
    if (event.kind === 'commit') send({ kind: 'followed', revision: event.commit.revision });
  }
}

function counts(): ProcessCounts {
  const none = { nearHits: 0, sharedHits: 0, joined: 0, misses: {} };
  const { nearHits, sharedHits, joined, misses } = 'cache' in ledger ? ledger.cache.metrics : none;
  const missed = Object.values(misses).reduce((sum, count) => sum + count, 0);
  return { nearHits, sharedHits, joined, misses: missed, databaseReads };
}

function requestOf(id: string): { caller: string; id: string; fingerprint: string } {
  return { caller: 'test', id, fingerprint: id };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function send(answer: ProcessAnswer): void {
  process.send?.(answer);
}
