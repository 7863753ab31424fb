import { createBatchReader, type KeyRead, type ReadKey } from './batch-reader.js';
import { createCacheMetrics, type CacheMetrics, type MissCause } from './cache-metrics.js';
import type { Envelopes } from './envelope.js';
import { Loading, Loadings } from './loadings.js';
import { NearTier, type Known } from './near-tier.js';
import { RecentChanges } from './recent-changes.js';
import type { SharedTier } from './shared-tier.js';
import type { ChangeObserver, VersionedSource } from './versioned-source.js';

const KIB = 1024;
const MIB = 1024 * KIB;

export const NEAR_BYTES_MAX = 64 * MIB;
export const RECENT_KEYS_MAX = 200_000;

/**
 * How new an answer has to be: `latest` sees every commit that was acknowledged, in any process, before the read began;
 * a revision sees at least that; `any` takes what this process has.
 */
export type Freshness = 'latest' | 'any' | number;

export interface CacheReadOptions {
  readonly freshness?: Freshness;
  readonly signal?: AbortSignal | undefined;
}

/** Turns values into bytes for the shared tier, and back. */
export interface ValueCodec<V> {
  encode(value: V): Uint8Array;
  /** Throws for bytes that are none. */
  decode(bytes: Uint8Array): V;
  /**
   * Readies a value to be held and given to everybody who asks, and says what it takes in memory with all that is made of
   * it. Without it that is as much as its bytes.
   */
  hold?(value: V): number;
}

export interface CacheOptions<V> {
  readonly source: VersionedSource<V>;
  readonly codec: ValueCodec<V>;
  /** Without it the near tier works alone, with the same guarantees. */
  readonly shared?: { readonly tier: SharedTier; readonly envelopes: Envelopes };
  readonly nearBytesMax?: number;
  readonly recentKeysMax?: number;
  /** Other parts than the usual ones, for tests that take a mechanism out. */
  readonly parts?: Partial<CacheParts<V>>;
}

/** What a cache is made of, each part a mechanism of its own. */
export interface CacheParts<V> {
  readonly near: NearTier<V>;
  readonly changes: RecentChanges;
  readonly loadings: Loadings<V | undefined>;
}

/** Reads that need no database where it can be shown that nothing has changed. */
export interface Cache<V> {
  get(key: string, options?: CacheReadOptions): Promise<V | undefined>;
  /** Gives what `get` would, where nothing has to be waited for; undefined where something has. */
  getHeld(key: string, freshness?: Freshness): Known<V> | undefined;
  readonly metrics: Readonly<CacheMetrics>;
  /** The bytes that the near tier reckons it holds. */
  nearBytes(): number;
  /** Whether there is a shared tier that can be asked now. */
  isSharing(): boolean;
  /** Whether a circuit keeps calls from the shared tier, because it did not answer in time. */
  isCircuitOpen(): boolean;
  close(): void;
}

/**
 * Makes a cache. A value is served only while the process can show from its own position in the log that the key has not
 * changed since the value was read: the near tier drops a key in the moment its change is seen, and what comes from
 * elsewhere is judged by {@link RecentChanges}. A read first catches up with the log, so it is linearizable; a slow read
 * can put nothing back that has changed meanwhile.
 */
export function createCache<V extends object>(options: CacheOptions<V>): Cache<V> {
  return new VersionedCache(options);
}

function createCacheParts<V>({ source, nearBytesMax, recentKeysMax }: CacheOptions<V>): CacheParts<V> {
  return {
    near: new NearTier(nearBytesMax ?? NEAR_BYTES_MAX),
    changes: new RecentChanges({ floor: source.revision(), keysMax: recentKeysMax ?? RECENT_KEYS_MAX }),
    loadings: new Loadings(),
  };
}

class VersionedCache<V extends object> implements Cache<V>, ChangeObserver {
  readonly metrics: CacheMetrics = createCacheMetrics();
  readonly #source: VersionedSource<V>;
  readonly #codec: ValueCodec<V>;
  readonly #shared: CacheOptions<V>['shared'];
  readonly #parts: CacheParts<V>;
  readonly #readSource: ReadKey<V>;
  readonly #stopObserving: () => void;

  constructor(options: CacheOptions<V>) {
    const { source, codec, shared, parts } = options;
    this.#source = source;
    this.#codec = codec;
    this.#shared = shared;
    this.#parts = { ...createCacheParts(options), ...parts };
    this.#readSource = createBatchReader(source);
    this.#stopObserving = source.observe(this);
  }

  async get(key: string, { freshness = 'latest', signal }: CacheReadOptions = {}): Promise<V | undefined> {
    if (freshness === 'latest') await this.#source.catchUp({ signal });
    else if (freshness !== 'any') await this.#source.waitFor(freshness, { signal });
    const known = this.#hit(key);
    return known === undefined ? this.#join(key, signal) : known.value;
  }

  getHeld(key: string, freshness: Freshness = 'latest'): Known<V> | undefined {
    return this.#source.hasReached(freshness) ? this.#hit(key) : undefined;
  }

  nearBytes(): number {
    return this.#parts.near.bytes;
  }

  isSharing(): boolean {
    return this.#shared?.tier.isAvailable() ?? false;
  }

  isCircuitOpen(): boolean {
    return this.#shared?.tier.isCircuitOpen() ?? false;
  }

  close(): void {
    this.#stopObserving();
  }

  changed(key: string, revision: number): void {
    this.#parts.near.delete(key);
    this.#parts.changes.record(key, revision);
    this.#parts.loadings.overtake(key);
  }

  reset(revision: number): void {
    this.#parts.near.clear();
    this.#parts.changes.reset(revision);
    this.#parts.loadings.overtakeAll();
  }

  #hit(key: string): Known<V> | undefined {
    const known = this.#parts.near.get(key);
    if (known !== undefined) this.metrics.nearHits += 1;
    return known;
  }

  #join(key: string, signal: AbortSignal | undefined): Promise<V | undefined> {
    const { loadings } = this.#parts;
    const running = loadings.find(key);
    if (running !== undefined) {
      this.metrics.joined += 1;
      return running.wait(signal);
    }
    const started = new Loading((givenUp) => this.#load(key, givenUp), signal);
    loadings.add(key, started);
    return started.wait(signal);
  }

  async #load(key: string, givenUp: AbortSignal | undefined): Promise<V | undefined> {
    const known = await this.#fromShared(key);
    if (known !== undefined) return known.value;
    const { revision, value } = await this.#readSource(key, givenUp);
    // Whoever waits began before such a change and may have what was before it; nobody else may.
    if (!this.#parts.changes.isUnchangedSince(key, revision)) return value;
    this.#hold(key, { value });
    this.#offer(key, { revision, value });
    return value;
  }

  #hold(key: string, known: Known<V>): void {
    const { value } = known;
    const reckon = (held: V) => this.#codec.hold?.(held) ?? this.#codec.encode(held).length;
    this.#parts.near.set(key, known, value === undefined ? 0 : reckon(value));
  }

  #offer(key: string, { revision, value }: KeyRead<V>): void {
    if (this.#shared === undefined) return;
    const bytes = value === undefined ? undefined : this.#codec.encode(value);
    const envelope = this.#shared.envelopes.seal(key, { revision, bytes });
    if (envelope !== undefined) this.#shared.tier.offer(key, envelope);
  }

  /** Gives undefined where the shared tier has nothing that is provably current. */
  async #fromShared(key: string): Promise<Known<V> | undefined> {
    const envelope = await this.#shared?.tier.get(key);
    if (envelope === undefined) return this.#miss('absent');
    const sighting = this.#shared?.envelopes.open(key, envelope);
    if (sighting === undefined) return this.#miss('unreadable');
    // From here on there is no await: nothing can change between the proof and the use of it.
    if (!this.#parts.changes.isUnchangedSince(key, sighting.revision)) return this.#miss('unproved');
    this.metrics.sharedHits += 1;
    const known = { value: sighting.bytes === undefined ? undefined : this.#codec.decode(sighting.bytes) };
    this.#hold(key, known);
    return known;
  }

  #miss(cause: MissCause): undefined {
    this.metrics.misses[cause] += 1;
    return undefined;
  }
}
