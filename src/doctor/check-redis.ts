import { inspectRedis } from '../cache/redis/inspect-redis.js';
import { judgeClock } from './check-clock.js';
import { ok, problem, reasonOf, warning, type Finding } from './finding.js';

/** Looks at the Redis server that the settings name, if they name one. */
export async function checkRedis(redisUrl: string | undefined, now: () => number): Promise<readonly Finding[]> {
  if (redisUrl === undefined) return [ok('Redis', 'is not asked for')];
  try {
    const { version, aheadMs, refusesWhenFull } = await inspectRedis(redisUrl, now);
    return [
      ok('Redis', `answers, version ${version}`),
      judgeClock('Redis', aheadMs),
      ...(refusesWhenFull
        ? [warning('Redis', 'refuses writes when its memory is full', 'Set its maxmemory-policy to allkeys-lru')]
        : []),
    ];
  } catch (err) {
    const todo = 'Start it, open the way to it, or correct KEELSON_REDIS_URL; calls are served without it, more slowly';
    return [problem('Redis', `does not answer: ${reasonOf(err)}`, todo)];
  }
}
