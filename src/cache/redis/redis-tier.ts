import { Redis } from 'ioredis';
import type { SharedTier } from '../shared-tier.js';
import { createCircuit, type Circuit } from './circuit.js';

const MINUTE_MS = 60_000;

/** A read that Redis does not answer within this is a miss. */
const BUDGET_MS = 20;
/** Entries that nobody asks for leave Redis by themselves. That is housekeeping: currency is proved otherwise. */
const KEEP_MS = 60 * MINUTE_MS;
/** Offers on their way at one moment; more are dropped. */
const OFFERS_MAX = 1_000;
const RECONNECT_MS_MAX = 2_000;

export interface RedisTierOptions {
  readonly url: string;
  /** Keeps the keys of several databases on one server apart. */
  readonly keyPrefix: string;
  readonly log: { info(fields: object, message: string): void };
  readonly budgetMs?: number;
}

export interface RedisTier extends SharedTier {
  /** Rejects where Redis does not answer at once. */
  ping(): Promise<void>;
  close(): void;
}

/** Keeps entries in Redis. Slow or dead, it makes misses: a circuit keeps calls from waiting for it in vain. */
export function createRedisTier({ url, keyPrefix, log, budgetMs = BUDGET_MS }: RedisTierOptions): RedisTier {
  const client = new Redis(url, {
    keyPrefix,
    enableOfflineQueue: false,
    // Commands of one turn of the event loop travel together.
    enableAutoPipelining: true,
    maxRetriesPerRequest: 0,
    commandTimeout: budgetMs,
    retryStrategy: (attempt) => Math.min(attempt * 50, RECONNECT_MS_MAX),
  });
  // It says so at every attempt to connect; reads go on without.
  client.on('error', (err: Error) => log.info({ err: err.message }, 'redis cache not connected'));
  const circuit = createCircuit();
  let offers = 0;

  return {
    async get(key) {
      if (client.status !== 'ready' || !circuit.allows()) return undefined;
      return ask(circuit, client.getBuffer(key));
    },
    offer(key, bytes) {
      if (client.status !== 'ready' || !circuit.allows() || offers >= OFFERS_MAX) return;
      offers += 1;
      const done = () => {
        offers -= 1;
      };
      ask(circuit, client.set(key, Buffer.from(bytes), 'PX', KEEP_MS)).then(done, done);
    },
    ping: async () => void (await client.ping()),
    isAvailable: () => client.status === 'ready' && !circuit.isOpen(),
    isCircuitOpen: () => circuit.isOpen(),
    close: () => client.disconnect(),
  };
}

/** Turns every failure into an absence, and tells the circuit. */
async function ask<T>(circuit: Circuit, answer: Promise<T | null>): Promise<T | undefined> {
  try {
    const value = await answer;
    circuit.succeeded();
    return value ?? undefined;
  } catch {
    circuit.failed();
    return undefined;
  }
}
