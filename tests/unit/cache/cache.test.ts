import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { createCache, type Cache, type ValueCodec } from '../../../src/cache/cache.js';
import { createEnvelopes, type Envelopes } from '../../../src/cache/envelope.js';
import { NearTier } from '../../../src/cache/near-tier.js';
import { RecentChanges } from '../../../src/cache/recent-changes.js';
import type { ChangeObserver, VersionedSource } from '../../../src/cache/versioned-source.js';
import { createSimulation, credulous, type Simulation, type Written } from '../../support/cache-simulation.js';
import { seed } from '../../support/seed.js';

const ROUNDS = 60;

const CODEC: ValueCodec<Written> = {
  encode: (value) => Buffer.from(JSON.stringify(value)),
  decode: (bytes) => JSON.parse(Buffer.from(bytes).toString()) as Written,
};

describe('createCache()', () => {
  describe('under random schedules, with a shared tier that lies', () => {
    interface Parts {
      readonly source: VersionedSource<Written>;
      readonly envelopes: Envelopes;
    }

    /** Runs many schedules; `change` takes a mechanism out. */
    async function violations(change: (parts: Parts) => Partial<Parts> = () => ({})): Promise<string[]> {
      const found: string[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        const simulation: Simulation = createSimulation(seed() + round);
        const parts = { source: simulation.source, envelopes: createEnvelopes(randomBytes(32), () => 0n) };
        const { source, envelopes } = { ...parts, ...change(parts) };
        const cache = createCache({ source, codec: CODEC, shared: { tier: simulation.tier, envelopes } });
        found.push(...(await simulation.run(cache).catch((err: unknown) => [String(err)])));
        cache.close();
      }
      return found;
    }

    it('gives nothing stale and nothing of another key', async function () {
      this.timeout(30_000);
      expect(await violations()).to.deep.equal([]);
    });

    describe('is caught giving something wrong', () => {
      it('when it does not catch up before a read', async function () {
        this.timeout(30_000);
        expect(await violations(({ source }) => ({ source: { ...source, catchUp: async () => undefined } }))).not.to.be
          .empty;
      });

      it('when it takes what it has for as new as was asked for', async function () {
        this.timeout(30_000);
        expect(await violations(({ source }) => ({ source: { ...source, hasReached: () => true } }))).not.to.be.empty;
      });

      it('when a change does not drop what the near tier has', async function () {
        this.timeout(30_000);
        await without(
          NearTier.prototype,
          'delete',
          () => undefined,
          async () => {
            expect(await violations()).not.to.be.empty;
          },
        );
      });

      it('when what is read is kept although it has changed meanwhile', async function () {
        this.timeout(30_000);
        await without(
          RecentChanges.prototype,
          'isUnchangedSince',
          () => true,
          async () => {
            expect(await violations()).not.to.be.empty;
          },
        );
      });

      it('when a seal does not hold for one key alone', async function () {
        this.timeout(30_000);
        expect(await violations(({ envelopes }) => ({ envelopes: credulous(envelopes) }))).not.to.be.empty;
      });
    });
  });

  describe('get()', () => {
    it('makes one read of the source for many that ask for one name at once', async () => {
      const { cache, reads } = aCache();

      const values = await Promise.all(Array.from({ length: 10_000 }, () => cache.get('cold')));

      expect(new Set(values.map((value) => value?.key))).to.deep.equal(new Set(['cold']));
      expect(reads).to.deep.equal([['cold']]);
      expect(cache.metrics.joined).to.equal(9_999);
    });

    it('makes one read of the source for many names at once', async () => {
      const { cache, reads } = aCache();

      await Promise.all(['a', 'b', 'c'].map((key) => cache.get(key)));

      expect(reads).to.deep.equal([['a', 'b', 'c']]);
    });

    it('remembers that there is nothing, until there is', async () => {
      const { cache, reads, change } = aCache((key) => (reads.length > 1 ? { key, revision: 1 } : undefined));

      expect(await cache.get('x')).to.equal(undefined);
      expect(await cache.get('x')).to.equal(undefined);
      expect(reads).to.have.length(1);
      change('x');
      expect(await cache.get('x')).to.deep.equal({ key: 'x', revision: 1 });
    });

    it('forgets a failed read', async () => {
      let fails = true;
      const { cache } = aCache((key) => {
        if (fails) throw new Error('away');
        return { key, revision: 1 };
      });

      const failure = await cache.get('x').catch((err: unknown) => err);
      fails = false;

      expect(failure).to.be.instanceOf(Error);
      expect(await cache.get('x')).to.deep.equal({ key: 'x', revision: 1 });
    });

    it('stops waiting when its signal aborts, and others go on', async () => {
      const { cache } = aCache();
      const controller = new AbortController();
      const aborted = cache.get('x', { signal: controller.signal }).catch((err: unknown) => err);
      const other = cache.get('x');

      controller.abort(new Error('gone'));

      expect(await aborted).to.have.property('message', 'gone');
      expect(await other).to.have.property('key', 'x');
    });

    it('keeps to its number of bytes over many names', async () => {
      const bytesMax = 1024 * 1024;
      const { cache } = aCache((key) => ({ key, revision: 1 }), { nearBytesMax: bytesMax, recentKeysMax: 1_000 });
      const names = Array.from({ length: 20_000 }, (_, n) => `collections/c/documents/${n}`);

      await Promise.all(names.map((name) => cache.get(name)));

      expect(cache.nearBytes()).to.be.within(bytesMax / 2, bytesMax);
    });
  });
});

interface CacheWithSource {
  readonly cache: Cache<Written>;
  /** The keys of each read of the source. */
  readonly reads: (readonly string[])[];
  /** Makes the source tell that the key has changed. */
  readonly change: (key: string) => void;
}

function aCache(
  valueOf: (key: string) => Written | undefined = (key) => ({ key, revision: 1 }),
  options: { nearBytesMax?: number; recentKeysMax?: number } = {},
): CacheWithSource {
  const reads: (readonly string[])[] = [];
  let revision = 1;
  let observer: ChangeObserver | undefined;
  const source: VersionedSource<Written> = {
    revision: () => revision,
    hasReached: () => true,
    catchUp: async () => undefined,
    waitFor: async () => undefined,
    check: () => undefined,
    async read(keys) {
      reads.push(keys);
      return { revision, values: keys.map(valueOf) };
    },
    observe(added) {
      observer = added;
      return () => undefined;
    },
  };
  const change = (key: string) => {
    revision += 1;
    observer?.changed(key, revision);
  };
  return { cache: createCache({ source, codec: CODEC, ...options }), reads, change };
}

/** Runs with a method replaced, and puts it back. */
async function without<T extends object>(
  prototype: T,
  method: keyof T & string,
  replacement: () => unknown,
  run: () => Promise<void>,
): Promise<void> {
  const original: unknown = prototype[method];
  Object.defineProperty(prototype, method, { value: replacement, configurable: true, writable: true });
  try {
    await run();
  } finally {
    Object.defineProperty(prototype, method, { value: original, configurable: true, writable: true });
  }
}
