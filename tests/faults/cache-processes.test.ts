import { expect } from 'chai';
import { attackCaches, CACHE_ATTACK_MS, LEANING_ON_REDIS, registersOf } from '../support/cache-attack.js';
import { describeMongo } from '../support/describe-mongo.js';
import { createMongoEngine } from '../support/mongo-engine.js';
import type { ProcessCache } from '../support/process-calls.js';
import { type MortalRedis, startMortalRedis } from '../support/mortal-redis.js';
import { createCacheNemesis } from '../support/redis-nemesis.js';
import { AROUND_ATTACK_MS_MAX, expectRight } from '../support/register-attack.js';
import { requireTool } from '../support/require-tool.js';
import { attackMs } from '../support/soak.js';

const PROCESSES = 3;

describeMongo('cached reads of processes on a MongoDB server that are killed', (server) => {
  let engine: ReturnType<typeof createMongoEngine>;

  beforeEach(() => {
    engine = createMongoEngine(server());
  });
  afterEach(() => engine.destroy());

  const processesWith = (cache: ProcessCache) =>
    Array.from({ length: PROCESSES }, () => ({ engine: 'mongo', place: engine.url, cache }) as const);

  it('are linearizable, and never of what was not, without Redis', async function () {
    this.timeout(attackMs(CACHE_ATTACK_MS) + AROUND_ATTACK_MS_MAX);
    const result = await attackCaches({ processes: processesWith(LEANING_ON_REDIS) });
    await expectRight(result, registersOf(await engine.open()));
    expect(result.counts.nearHits, 'reads from the near tier').to.be.greaterThan(0);
  });

  describe('while Redis is attacked', () => {
    let redis: MortalRedis;

    before(requireTool('redis'));
    beforeEach(async () => {
      redis = await startMortalRedis();
    });
    afterEach(() => redis.end());

    it('are linearizable, and never of what was not', async function () {
      this.timeout(attackMs(CACHE_ATTACK_MS) + AROUND_ATTACK_MS_MAX);
      const store = await engine.open();
      const result = await attackCaches({
        processes: processesWith({ redisUrl: redis.url, ...LEANING_ON_REDIS }),
        nemesis: createCacheNemesis(redis, store.databaseId),
      });
      await expectRight(result, registersOf(store));
      expect(result.counts.nearHits, 'reads from the near tier').to.be.greaterThan(0);
      expect(result.counts.sharedHits, 'reads from Redis').to.be.greaterThan(0);
    });
  });
});
