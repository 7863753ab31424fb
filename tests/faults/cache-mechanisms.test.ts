import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { NEAR_BYTES_MAX } from '../../src/cache/cache.js';
import { createEnvelopes, type Envelopes, type Sighting } from '../../src/cache/envelope.js';
import { type Loading, Loadings } from '../../src/cache/loadings.js';
import { NearTier } from '../../src/cache/near-tier.js';
import { RecentChanges } from '../../src/cache/recent-changes.js';
import type { StateDocument } from '../../src/store/state.js';
import type { Store } from '../../src/store/store.js';
import {
  type CachedLedgerParts,
  type CachedLedgers,
  createCachedLedgers,
  type DocumentCacheOptions,
  KEY_PREFIX,
} from '../support/cached-ledgers.js';
import { createGate, type Gate } from '../support/delegating-store.js';
import { describeMongo } from '../support/describe-mongo.js';
import { findViolations, type Operation } from '../support/linearizability.js';
import { createMongoEngine } from '../support/mongo-engine.js';
import { recordCalls } from '../support/record-calls.js';
import { type RedisServer, startRedisServer } from '../support/redis-server.js';
import { REGISTER, type RegisterInput } from '../support/register.js';
import { requireTool } from '../support/require-tool.js';
import { untilApplied } from '../support/until-applied.js';

const COLLECTION = 'orders';
const KEY = `${KEY_PREFIX}orders/register`;
const OTHER_KEY = `${KEY_PREFIX}orders/other`;
/** A revision that nothing is newer than. */
const NEWEST = Number.MAX_SAFE_INTEGER;

type History = readonly Operation<RegisterInput, string>[];
type ReplaceParts = NonNullable<CachedLedgerParts['cache']>;

// Each mechanism is taken out by a part that does without it. The schedule is one that the whole cache stands, so the
// same history has to be fine with the mechanism in its place. Nothing is left to chance: where an order of events
// matters, a gate holds one until the other has happened.
describeMongo('the checker, on cached reads of which', (server) => {
  let engine: ReturnType<typeof createMongoEngine>;
  let redis: RedisServer;
  let vandal: Redis;
  let ledgers: CachedLedgers;

  before(requireTool('redis'));
  before(async () => {
    redis = await startRedisServer();
    vandal = new Redis(redis.url);
  });
  after(async () => {
    vandal?.disconnect();
    await redis?.stop();
  });
  beforeEach(async () => {
    await vandal.flushall();
    engine = createMongoEngine(server());
    ledgers = createCachedLedgers(engine, COLLECTION);
  });
  afterEach(async () => {
    await ledgers.close();
    await engine.destroy();
  });

  /** A process with a cache, and one that writes. */
  const openPair = async (parts: CachedLedgerParts) =>
    [await ledgers.open(parts), await ledgers.open(parts.redisUrl ? { redisUrl: parts.redisUrl } : {})] as const;

  const withRedis = (cache: ReplaceParts) => ({ redisUrl: redis.url, cache });
  const untilInRedis = async (key: string) => {
    while ((await vandal.exists(key)) === 0) await delay(2);
  };

  const cases: Record<string, (isOut: boolean) => Promise<History>> = {
    'default ones catch up with the tail': async (isOut) => {
      const calls = recordCalls();
      const [reader, writer] = await openPair({
        cache: ({ source }) => (isOut ? { source: { ...source, catchUp: async () => undefined } } : {}),
      });
      await calls.put(writer, 'a');
      await calls.get(reader);
      await calls.put(writer, 'b');
      await calls.get(reader);
      return calls.history();
    },

    'those with a token wait for what it names': async (isOut) => {
      const calls = recordCalls();
      const [reader, writer] = await openPair({
        cache: ({ source }) => (isOut ? { source: { ...source, waitFor: async () => undefined } } : {}),
      });
      await calls.put(writer, 'a');
      await calls.getWithToken(reader);
      await calls.put(writer, 'b');
      // One caller alone, whose token names all that was put: such reads have to be as good as default ones.
      await calls.getWithToken(reader);
      return calls.history();
    },

    'the near tier drops what has changed': async (isOut) => {
      const calls = recordCalls();
      const [reader, writer] = await openPair({ cache: nearTierThat((near) => (isOut ? near.keepsAll() : near)) });
      await calls.put(writer, 'a');
      await calls.get(reader);
      await calls.put(writer, 'b');
      await calls.get(reader);
      return calls.history();
    },

    'the near tier drops the absence of what was made': async (isOut) => {
      const calls = recordCalls();
      const [reader, writer] = await openPair({ cache: nearTierThat((near) => (isOut ? near.keepsAbsences() : near)) });
      await calls.get(reader);
      await calls.put(writer, 'a');
      await calls.get(reader);
      return calls.history();
    },

    'the near tier drops everything behind a gap': async (isOut) => {
      const calls = recordCalls();
      const [reader, writer] = await openPair({ cache: ({ source }) => (isOut ? { source: gapless(source) } : {}) });
      await calls.put(writer, 'a');
      await calls.get(reader);
      await calls.put(writer, 'b');
      const store = await engine.open();
      const floor = await untilApplied(store, writer.revision());
      await writer.commit({ writes: [{ kind: 'put', collection: COLLECTION, id: 'other', value: {} }] });
      await store.dropEntries(floor);
      await calls.get(reader);
      return calls.history();
    },

    'a slow one puts nothing back that has changed meanwhile': async (isOut) => {
      const calls = recordCalls();
      const slow = slowFirstRead();
      const [reader, writer] = await openPair({
        store: slow.store,
        cache: ({ source }) => (isOut ? { source: { ...source, read: claimingNewest(source) } } : {}),
      });
      await calls.put(writer, 'a');
      const reading = calls.get(reader);
      await slow.gate.reached;
      await calls.put(writer, 'b');
      await reader.catchUp();
      slow.gate.open();
      await reading;
      await calls.get(reader);
      return calls.history();
    },

    'none joins one that was overtaken by a change': async (isOut) => {
      const calls = recordCalls();
      const slow = slowFirstRead();
      const loadings = watchedLoadings<StateDocument>(isOut);
      const [reader, writer] = await openPair({ store: slow.store, cache: () => ({ parts: { loadings } }) });
      await calls.put(writer, 'a');
      const reading = calls.get(reader);
      await slow.gate.reached;
      await calls.put(writer, 'b');
      const later = calls.get(reader);
      await loadings.wasAskedTwice;
      slow.gate.open();
      await Promise.all([reading, later]);
      return calls.history();
    },

    'what comes from Redis is held against what has changed since': async (isOut) => {
      const calls = recordCalls();
      const [reader, writer] = await openPair(withRedis(envelopesThat(isOut, claimNewest)));
      await calls.put(writer, 'a');
      await calls.get(reader);
      await untilInRedis(KEY);
      await calls.put(writer, 'b');
      await calls.get(reader);
      return calls.history();
    },

    'the absence that comes from Redis is held against what has changed since': async (isOut) => {
      const calls = recordCalls();
      const [reader, writer] = await openPair(
        withRedis(envelopesThat(isOut, (sighting) => (sighting.bytes ? sighting : claimNewest(sighting)))),
      );
      await calls.get(reader);
      await untilInRedis(KEY);
      await calls.put(writer, 'a');
      await calls.get(reader);
      return calls.history();
    },

    'what comes from Redis is no older than what a new process has followed': async (isOut) => {
      const calls = recordCalls();
      // Seals that are bound to a history stand in for the mechanism: a new process does not know that of older ones.
      const unbound: ReplaceParts = ({ shared }) => (shared ? withEnvelopes(shared, () => unboundEnvelopes()) : {});
      const [first, writer] = await openPair(withRedis(unbound));
      await calls.put(writer, 'a');
      await calls.get(first);
      await untilInRedis(KEY);
      await calls.put(writer, 'b');
      const changes = new RecentChanges({ floor: 0, keysMax: 1_000 });
      const credulous: ReplaceParts = (options) => ({ ...unbound(options), ...(isOut && { parts: { changes } }) });
      await calls.get(await ledgers.open(withRedis(credulous)));
      return calls.history();
    },

    'what comes from Redis is bound to its name': async (isOut) => {
      const calls = recordCalls();
      const cache: ReplaceParts = ({ shared }) => (isOut && shared ? withEnvelopes(shared, nameless) : {});
      const victim = await ledgers.open(withRedis(cache));
      const writer = await ledgers.open(withRedis(cache));
      await calls.put(writer, 'a');
      const other = { kind: 'put', collection: COLLECTION, id: 'other', value: { text: 'of another' } } as const;
      await writer.commit({ writes: [other] });
      await writer.get(COLLECTION, 'other');
      await untilInRedis(OTHER_KEY);
      await vandal.copy(OTHER_KEY, KEY, 'REPLACE');
      await calls.get(victim);
      return calls.history();
    },

    'what comes from Redis was sealed by this deployment': async (isOut) => {
      const calls = recordCalls();
      const stranger = createEnvelopes(randomBytes(32), () => 0n);
      const cache: ReplaceParts = ({ shared }) =>
        isOut && shared ? withEnvelopes(shared, (own) => trustingBoth(own, stranger)) : {};
      const [victim, writer] = await openPair(withRedis(cache));
      await calls.put(writer, 'a');
      await vandal.set(KEY, Buffer.from(stranger.seal('orders/register', forged('never written')) ?? []));
      await calls.get(victim);
      return calls.history();
    },
  };

  for (const [mechanism, run] of Object.entries(cases)) {
    it(`${mechanism}, finds nothing`, async () => {
      expect(findViolations(await run(false), REGISTER)).to.deep.equal([]);
    });

    it(`${mechanism} no more, finds it`, async () => {
      expect(findViolations(await run(true), REGISTER)).to.deep.equal(['register']);
    });
  }
});

class LeakyNearTier extends NearTier<StateDocument> {
  #keeps = (_key: string) => false;

  keepsAll(): this {
    this.#keeps = () => true;
    return this;
  }

  keepsAbsences(): this {
    this.#keeps = (key) => this.get(key)?.value === undefined;
    return this;
  }

  override delete(key: string): void {
    if (!this.#keeps(key)) super.delete(key);
  }
}

function nearTierThat(change: (near: LeakyNearTier) => LeakyNearTier): ReplaceParts {
  return () => ({ parts: { near: change(new LeakyNearTier(NEAR_BYTES_MAX)) } });
}

/** Tells of changes, and never that some were missed. */
function gapless(source: DocumentCacheOptions['source']): DocumentCacheOptions['source'] {
  return {
    ...source,
    observe: (observer) =>
      source.observe({ changed: (key, revision) => observer.changed(key, revision), reset: () => undefined }),
  };
}

function claimingNewest(source: DocumentCacheOptions['source']): DocumentCacheOptions['source']['read'] {
  return async (keys, options) => ({ ...(await source.read(keys, options)), revision: NEWEST });
}

/** A store whose first read of the collection answers late, with what was there at first. */
function slowFirstRead(): { readonly gate: Gate; readonly store: (store: Store) => Partial<Store> } {
  const gate = createGate();
  let isFirst = true;
  const store = (slowed: Store): Partial<Store> => ({
    getDocuments: async (request) => {
      const isSlow = isFirst && request.collection === COLLECTION;
      if (isSlow) isFirst = false;
      const read = await slowed.getDocuments(request);
      if (isSlow) await gate.pass();
      return read;
    },
  });
  return { gate, store };
}

interface WatchedLoadings<V> extends Loadings<V | undefined> {
  readonly wasAskedTwice: Promise<void>;
}

function watchedLoadings<V>(isOut: boolean): WatchedLoadings<V> {
  const second = createGate();
  let count = 0;
  class Watched extends Loadings<V | undefined> {
    readonly wasAskedTwice = second.reached;

    override find(key: string): Loading<V | undefined> | undefined {
      count += 1;
      if (count === 2) void second.pass();
      return super.find(key);
    }

    override overtake(key: string): void {
      if (!isOut) super.overtake(key);
    }
  }
  return new Watched();
}

function withEnvelopes(
  shared: NonNullable<DocumentCacheOptions['shared']>,
  change: (envelopes: Envelopes) => Envelopes,
): Partial<DocumentCacheOptions> {
  return { shared: { ...shared, envelopes: change(shared.envelopes) } };
}

/** Changes what is read out of envelopes, if the mechanism is out. */
function envelopesThat(isOut: boolean, change: (sighting: Sighting) => Sighting): ReplaceParts {
  const openChanged = (own: Envelopes): Envelopes => ({
    seal: (key, sighting) => own.seal(key, sighting),
    open: (key, envelope) => {
      const sighting = own.open(key, envelope);
      return sighting && change(sighting);
    },
  });
  return ({ shared }) => (isOut && shared ? withEnvelopes(shared, openChanged) : {});
}

function claimNewest(sighting: Sighting): Sighting {
  return { ...sighting, revision: NEWEST };
}

function nameless(own: Envelopes): Envelopes {
  return { seal: (_key, sighting) => own.seal('', sighting), open: (_key, envelope) => own.open('', envelope) };
}

function unboundEnvelopes(): Envelopes {
  return createEnvelopes(Buffer.alloc(32), () => 0n);
}

function trustingBoth(own: Envelopes, stranger: Envelopes): Envelopes {
  return {
    seal: (key, sighting) => own.seal(key, sighting),
    open: (key, envelope) => own.open(key, envelope) ?? stranger.open(key, envelope),
  };
}

/** A value that nobody wrote, as new as can be. */
function forged(text: string): Sighting {
  const names = { collection: COLLECTION, id: 'register' };
  const times = { createTime: 0, updateTime: 0, createRevision: 1, revision: 1 };
  return { revision: NEWEST, bytes: Buffer.from(JSON.stringify({ ...names, ...times, value: { text } })) };
}
