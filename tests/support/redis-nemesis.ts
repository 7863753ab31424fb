import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { createEnvelopes } from '../../src/cache/envelope.js';
import { KEY_PREFIX } from './cached-ledgers.js';
import type { MortalRedis } from './mortal-redis.js';
import { createRandom } from './random.js';
import { seed } from './seed.js';

// Long enough for honest entries to come back and be read.
const PAUSE_MS_MAX = 150;
const FREEZE_MS_MAX = 200;
/** It gives up on a trick that Redis does not go along with. */
const PATIENCE_MS = 300;
const REMEMBERED_MAX = 2_000;
const SPOILT_AT_ONCE = 40;
const FUTURE = Number.MAX_SAFE_INTEGER;

type Stored = readonly [key: string, value: Buffer];

/** Does to Redis what accidents do, and what somebody does who can write to it and wants wrong answers. */
export interface RedisNemesis {
  /** Plays one trick after another until it is told that it is over. */
  harass(isOver: () => boolean): Promise<void>;
  /** How often each trick came off. */
  readonly played: Readonly<Record<string, number>>;
}

export interface RedisNemesisOptions {
  readonly redis: MortalRedis;
  readonly random: () => number;
  /** What stands before each key of the cache that is attacked. */
  readonly keyPrefix: string;
  /** The channel on which processes wake each other. */
  readonly wakeChannel: string;
}

/** Attacks the cache of processes with ledgers; `databaseId` is that of the database that they share. */
export function createCacheNemesis(redis: MortalRedis, databaseId = 'none'): RedisNemesis {
  const wakeChannel = `keelson:wake:${databaseId}`;
  return createRedisNemesis({ redis, random: createRandom(seed() + 1), keyPrefix: KEY_PREFIX, wakeChannel });
}

export function createRedisNemesis(options: RedisNemesisOptions): RedisNemesis {
  const played: Record<string, number> = {};
  return {
    played,
    harass: async (isOver) => {
      const { redis, random } = options;
      const client = new Redis(redis.url, {
        commandTimeout: PATIENCE_MS,
        maxRetriesPerRequest: 0,
        retryStrategy: () => 20,
      });
      client.on('error', () => {});
      const tricks = Object.entries({ ...accidentsOf(options), ...liesOf(options, client) });
      while (!isOver()) {
        const [name, play] = tricks[Math.floor(random() * tricks.length)] ?? ['none', async () => {}];
        const cameOff = await play().then(
          () => true,
          () => false,
        );
        if (cameOff) played[name] = (played[name] ?? 0) + 1;
        await delay(random() * PAUSE_MS_MAX);
      }
      client.disconnect();
    },
  };
}

type Tricks = Record<string, () => Promise<unknown>>;

function accidentsOf({ redis, random }: RedisNemesisOptions): Tricks {
  let snapshot: Buffer | undefined;
  return {
    freeze: async () => {
      redis.freeze();
      await delay(random() * FREEZE_MS_MAX);
      redis.thaw();
    },
    kill: async () => {
      await redis.kill();
      await redis.start();
    },
    'keep a snapshot': async () => {
      snapshot = await redis.takeSnapshot();
    },
    'go back to a snapshot': async () => {
      if (snapshot === undefined) throw new Error('There is none yet');
      await redis.kill();
      await redis.start(snapshot);
    },
  };
}

function liesOf({ random, keyPrefix, wakeChannel }: RedisNemesisOptions, client: Redis): Tricks {
  const remembered: Stored[] = [];
  const stranger = createEnvelopes(randomBytes(32), () => 0n);
  const below = (count: number) => Math.floor(random() * count);
  const some = async (): Promise<Stored[]> => {
    const keys = (await client.keys(`${keyPrefix}*`)).sort().slice(0, SPOILT_AT_ONCE);
    if (keys.length === 0) throw new Error('There is nothing to spoil');
    const values = await client.mgetBuffer(keys);
    return keys.flatMap((key, index) => (values[index] ? [[key, values[index]] as const] : []));
  };
  const put = (entries: readonly Stored[]) => Promise.all(entries.map(([key, value]) => client.set(key, value)));
  const spoil = async (change: (stored: Stored, index: number, all: readonly Stored[]) => Buffer) => {
    const found = await some();
    await put(found.map((stored, index) => [stored[0], change(stored, index, found)]));
  };
  return {
    empty: () => client.flushall(),
    remember: async () => {
      remembered.push(...(await some()));
      remembered.splice(0, remembered.length - REMEMBERED_MAX);
    },
    // What was true once, sealed by one of ours and under its own name. The newest first, so that the oldest stays.
    'put old values back': async () => {
      await some();
      for (const [key, value] of [...remembered].reverse()) await client.set(key, value);
    },
    'mix names up': () => spoil(([, value], index, all) => all[(index + 1) % all.length]?.[1] ?? value),
    'cut values off': () => spoil(([, value]) => value.subarray(0, below(value.length))),
    'flip bits': () =>
      spoil(([, value]) => {
        const flipped = Buffer.from(value);
        const at = below(flipped.length);
        flipped[at] = (flipped[at] ?? 0) ^ (1 << below(8));
        return flipped;
      }),
    'seal with the secret of another deployment': () =>
      spoil(([key, value]) =>
        Buffer.from(stranger.seal(key.slice(keyPrefix.length), { revision: FUTURE, bytes: value }) ?? []),
      ),
    'deny everything with a strange seal': () =>
      spoil(([key]) =>
        Buffer.from(stranger.seal(key.slice(keyPrefix.length), { revision: FUTURE, bytes: undefined }) ?? []),
      ),
    'fill in noise': () => spoil(() => randomBytes(below(200))),
    'hold lists where values were': async () => {
      for (const [key] of await some()) await client.multi().del(key).rpush(key, 'a', 'b').exec();
    },
    'cry wolf': async () => {
      for (const word of [String(FUTURE), '-1', '0', 'NaN', '']) await client.publish(wakeChannel, word);
    },
  };
}
