import { abortable } from '../../src/async/abortable.js';
import type { Envelopes } from '../../src/cache/envelope.js';
import type { Cache } from '../../src/cache/cache.js';
import type { SharedTier } from '../../src/cache/shared-tier.js';
import type { ChangeObserver, VersionedSource } from '../../src/cache/versioned-source.js';
import { createRandom } from './random.js';

/** What is written under a key: the revision that wrote it, so that a read can be placed. */
export interface Written {
  readonly key: string;
  readonly revision: number;
}

const KEYS = ['a', 'b', 'c'];
const STEPS = 400;

/** A process with a cache, beside a log that others write too. Nothing in it happens but by a step. */
export interface Simulation {
  readonly source: VersionedSource<Written>;
  readonly tier: SharedTier;
  /** Runs random steps, and gives the reads that no single copy could have answered so. */
  run(cache: Cache<Written>): Promise<string[]>;
}

export function createSimulation(seed: number): Simulation {
  const random = createRandom(seed);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const log: string[] = [];
  const observers = new Set<ChangeObserver>();
  const waiting: (() => void)[] = [];
  const offered: { key: string; bytes: Uint8Array }[] = [];
  let position = 0;

  const stateAt = (key: string, revision: number): Written | undefined => {
    const last = log.slice(0, revision).lastIndexOf(key) + 1;
    return last === 0 ? undefined : { key, revision: last };
  };
  const follow = (to: number) => {
    while (position < to) {
      position += 1;
      for (const observer of observers) observer.changed(log[position - 1] ?? '', position);
    }
  };
  /** Waits for a later step, that is, for as long as the schedule likes. */
  const later = () => new Promise<void>((resolve) => waiting.push(resolve));

  const source: VersionedSource<Written> = {
    revision: () => position,
    // Others append to the log, so only a look tells where it ends.
    hasReached: (freshness) => freshness === 'any' || (freshness !== 'latest' && freshness <= position),
    async catchUp() {
      const tail = log.length;
      await later();
      follow(tail);
    },
    waitFor: async () => follow(log.length),
    check: () => undefined,
    async read(keys, { signal }) {
      await abortable(later(), signal);
      // The database shows some revision between what this process has followed and the newest.
      const revision = position + Math.floor(random() * (log.length - position + 1));
      const values = keys.map((key) => stateAt(key, revision));
      await abortable(later(), signal);
      return { revision, values };
    },
    observe(observer) {
      observers.add(observer);
      return () => observers.delete(observer);
    },
  };

  // It loses, keeps for ever, mixes up and spoils what it is given.
  const tier: SharedTier = {
    async get(key) {
      await later();
      const trick = random();
      const honest = offered.filter((entry) => entry.key === key);
      if (trick < 0.2 || offered.length === 0) return undefined;
      if (trick < 0.3) return pick(offered).bytes;
      if (trick < 0.4) return Uint8Array.from({ length: 40 }, () => Math.floor(random() * 256));
      return honest.length === 0 ? undefined : pick(honest).bytes;
    },
    offer: (key, bytes) => void offered.push({ key, bytes }),
    isAvailable: () => true,
    isCircuitOpen: () => false,
  };

  async function read(cache: Cache<Written>, violations: string[], signal: AbortSignal | undefined): Promise<void> {
    const key = pick(KEYS);
    const from = log.length;
    const held = cache.getHeld(key);
    const value = held === undefined ? await cache.get(key, { signal }) : held.value;
    const allowed = new Set<number>();
    for (let revision = from; revision <= log.length; revision += 1) allowed.add(stateAt(key, revision)?.revision ?? 0);
    if (value !== undefined && value.key !== key) violations.push(`${key}: got a value of ${value.key}`);
    else if (!allowed.has(value?.revision ?? 0)) {
      violations.push(`${key}: got ${value?.revision ?? 'none'}, expected one of ${[...allowed].join()}`);
    }
  }

  async function run(cache: Cache<Written>): Promise<string[]> {
    const violations: string[] = [];
    const reads: Promise<void>[] = [];
    const callers: AbortController[] = [];
    /** Reads for somebody who may go, or for one who cannot. */
    const begin = async () => {
      const caller = random() < 0.8 ? new AbortController() : undefined;
      if (caller !== undefined) callers.push(caller);
      await read(cache, violations, caller?.signal).catch((err: unknown) => {
        if (caller?.signal.aborted !== true) violations.push(`a caller who stayed: ${String(err)}`);
      });
    };
    for (let step = 0; step < STEPS; step += 1) {
      const choice = random();
      if (choice < 0.15) log.push(pick(KEYS));
      else if (choice < 0.4) reads.push(begin());
      // Another process may have told it of the newest commits meanwhile.
      else if (choice < 0.45) follow(log.length);
      else if (choice < 0.55) callers.splice(Math.floor(random() * callers.length), 1)[0]?.abort();
      else waiting.splice(Math.floor(random() * waiting.length), 1)[0]?.();
      await turn();
    }
    while (waiting.length > 0) {
      for (const resume of waiting.splice(0)) resume();
      await turn();
    }
    await Promise.all(reads);
    return violations;
  }

  return { source, tier, run };
}

/** Lets everything happen that waits for nothing but its turn. */
async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
}

/** Believes what was sealed under any key. */
export function credulous(envelopes: Envelopes): Envelopes {
  return {
    seal: (key, sighting) => envelopes.seal(key, sighting),
    open: (_key, envelope) => KEYS.map((key) => envelopes.open(key, envelope)).find((found) => found !== undefined),
  };
}
