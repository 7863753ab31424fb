import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { abortable } from '../../../src/async/abortable.js';
import { createCache, type Cache, type CacheOptions, type ValueCodec } from '../../../src/cache/cache.js';
import { createEnvelopes, type Envelopes } from '../../../src/cache/envelope.js';
import { Loading, Loadings } from '../../../src/cache/loadings.js';
import { NearTier } from '../../../src/cache/near-tier.js';
import { RecentChanges } from '../../../src/cache/recent-changes.js';
import type { ChangeObserver, VersionedSource, WaitOptions } from '../../../src/cache/versioned-source.js';
import { createSimulation, credulous, type Simulation, type Written } from '../../support/cache-simulation.js';
import { deferred } from '../../support/deferred.js';
import { rejection } from '../../support/rejection.js';
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
      readonly loadings: Loadings<Written | undefined>;
    }

    /** Runs many schedules; `change` takes a mechanism out. */
    async function violations(change: (parts: Parts) => Partial<Parts> = () => ({})): Promise<string[]> {
      const found: string[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        const simulation: Simulation = createSimulation(seed() + round);
        const parts = {
          source: simulation.source,
          envelopes: createEnvelopes(randomBytes(32), () => 0n),
          loadings: new Loadings<Written | undefined>(),
        };
        const { source, envelopes, loadings } = { ...parts, ...change(parts) };
        const shared = { tier: simulation.tier, envelopes };
        const cache = createCache({ source, codec: CODEC, shared, parts: { loadings } });
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

      it('when a read does not count who joins it', async function () {
        this.timeout(30_000);
        expect(await violations(() => ({ loadings: new UncountedLoadings() }))).not.to.be.empty;
      });

      it('when who comes joins a read that was given up', async function () {
        this.timeout(30_000);
        const isOpen = Object.getOwnPropertyDescriptor(Loading.prototype, 'isOpen');
        Object.defineProperty(Loading.prototype, 'isOpen', {
          get(this: Loading<Written>) {
            return !this.overtaken;
          },
          configurable: true,
        });
        try {
          expect(await violations()).not.to.be.empty;
        } finally {
          Object.defineProperty(Loading.prototype, 'isOpen', isOpen ?? {});
        }
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

    context('when all who wait for a name go', () => {
      /** A cache whose reads of the source wait until they are answered, or given up. */
      function aSlowCache() {
        const answered = deferred<void>();
        const reading = deferred<void>();
        const signals: (AbortSignal | undefined)[] = [];
        const slow = aCache(undefined, {
          waitToRead: ({ signal }) => {
            signals.push(signal);
            reading.resolve();
            return abortable(answered.promise, signal);
          },
        });
        return { ...slow, reading, signals, answer: () => answered.resolve() };
      }
      const leave = async (callers: readonly AbortController[], gone: readonly Promise<unknown>[]) => {
        for (const caller of callers) caller.abort(new Error('gone'));
        expect((await Promise.all(gone)).map((err) => (err as Error).message)).to.deep.equal(gone.map(() => 'gone'));
      };

      it('gives up the read of it, and reads anew for who comes then', async () => {
        const { cache, reads, reading, signals, answer } = aSlowCache();
        const callers = [new AbortController(), new AbortController()];
        const gone = callers.map(({ signal }) => rejection(cache.get('x', { signal })));
        await reading.promise;

        await leave(callers, gone);
        const later = cache.get('x', { signal: new AbortController().signal });
        answer();

        expect(await later).to.have.property('key', 'x');
        expect(signals.map((signal) => signal?.aborted)).to.deep.equal([true, false]);
        expect(reads).to.deep.equal([['x'], ['x']]);
      });

      it('does not even begin to read it, where others in the same read are still wanted', async () => {
        const { cache, reads, answer } = aSlowCache();
        const caller = new AbortController();
        const gone = rejection(cache.get('x', { signal: caller.signal }));
        const other = cache.get('y', { signal: new AbortController().signal });

        await leave([caller], [gone]);
        answer();

        expect(await other).to.have.property('key', 'y');
        expect(reads).to.deep.equal([['y']]);
      });

      it('goes on with a read that others want for another name, until they go as well', async () => {
        const { cache, reads, reading, signals } = aSlowCache();
        const callers = [new AbortController(), new AbortController()] as const;
        const gone = [
          rejection(cache.get('x', { signal: callers[0].signal })),
          rejection(cache.get('y', { signal: callers[1].signal })),
        ] as const;
        await reading.promise;

        await leave([callers[0]], [gone[0]]);
        expect(signals.map((signal) => signal?.aborted)).to.deep.equal([false]);
        await leave([callers[1]], [gone[1]]);

        expect(signals.map((signal) => signal?.aborted)).to.deep.equal([true]);
        expect(reads).to.deep.equal([['x', 'y']]);
      });

      it('never gives up a read that somebody wants who has no signal', async () => {
        const { cache, reading, signals, answer } = aSlowCache();
        const caller = new AbortController();
        const gone = rejection(cache.get('x', { signal: caller.signal }));
        const staying = [cache.get('x'), cache.get('y')];
        await reading.promise;

        await leave([caller], [gone]);
        answer();

        expect((await Promise.all(staying)).map((value) => value?.key)).to.deep.equal(['x', 'y']);
        expect(signals).to.deep.equal([undefined]);
      });
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

/** Those who join a read are not among those who have to go before it is given up. */
class UncountedLoadings extends Loadings<Written | undefined> {
  override find(key: string): Loading<Written | undefined> | undefined {
    const running = super.find(key);
    return running && new Loading(() => running.result, undefined);
  }
}

interface CacheWithSource {
  readonly cache: Cache<Written>;
  /** The keys of each read of the source. */
  readonly reads: (readonly string[])[];
  /** Makes the source tell that the key has changed. */
  readonly change: (key: string) => void;
}

function aCache(
  valueOf: (key: string) => Written | undefined = (key) => ({ key, revision: 1 }),
  {
    waitToRead,
    ...options
  }: Partial<CacheOptions<Written>> & { waitToRead?: (options: WaitOptions) => Promise<void> } = {},
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
    async read(keys, wait) {
      reads.push(keys);
      await waitToRead?.(wait);
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
  replacement: (...args: never[]) => unknown,
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
