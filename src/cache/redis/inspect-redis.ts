import { Redis } from 'ioredis';

const ANSWER_TIMEOUT_MS = 5_000;
const MILLIS_PER_SECOND = 1000;

/** What a look at a Redis server tells. */
export interface RedisInspection {
  readonly version: string;
  /** By how much its clock is ahead of this process's, in milliseconds. */
  readonly aheadMs: number;
  /** Whether it refuses writes when its memory is full, in place of forgetting what nobody asks for. */
  readonly refusesWhenFull: boolean;
}

/** Looks at a Redis server, and changes nothing. Rejects where it does not answer. */
export async function inspectRedis(url: string, now: () => number): Promise<RedisInspection> {
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: ANSWER_TIMEOUT_MS,
    commandTimeout: ANSWER_TIMEOUT_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  // The rejection of connect() says only that the connection is closed; why, is said here.
  let cause: Error | undefined;
  client.on('error', (err: Error) => (cause = err));
  try {
    await client.connect();
    const sentAt = now();
    const [seconds, micros] = await client.time();
    const answeredAt = now();
    const info = await client.info();
    const timeMs = Number(seconds) * MILLIS_PER_SECOND + Number(micros) / MILLIS_PER_SECOND;
    return {
      version: valueOf(info, 'redis_version'),
      aheadMs: timeMs - (sentAt + answeredAt) / 2,
      refusesWhenFull: valueOf(info, 'maxmemory') !== '0' && valueOf(info, 'maxmemory_policy') === 'noeviction',
    };
  } catch (err) {
    throw cause ?? err;
  } finally {
    client.disconnect();
  }
}

function valueOf(info: string, key: string): string {
  return new RegExp(`^${key}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
}
