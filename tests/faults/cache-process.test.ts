import { attackCaches, CACHE_ATTACK_MS, LEANING_ON_REDIS, registersOf } from '../support/cache-attack.js';
import { createEmbeddedEngine } from '../support/embedded-engine.js';
import { startMortalRedis } from '../support/mortal-redis.js';
import { createCacheNemesis } from '../support/redis-nemesis.js';
import { AROUND_ATTACK_MS_MAX, expectRight } from '../support/register-attack.js';
import { requireTool } from '../support/require-tool.js';
import { attackMs } from '../support/soak.js';

describe('cached reads of a process on the embedded engine that is killed, while Redis is attacked', () => {
  before(requireTool('redis'));

  it('are linearizable, and never of what was not', async function () {
    this.timeout(attackMs(CACHE_ATTACK_MS) + AROUND_ATTACK_MS_MAX);
    const engine = await createEmbeddedEngine();
    const redis = await startMortalRedis();
    try {
      const result = await attackCaches({
        processes: [{ engine: 'embedded', place: engine.dataDir, cache: { redisUrl: redis.url, ...LEANING_ON_REDIS } }],
        nemesis: createCacheNemesis(redis),
      });
      await expectRight(result, registersOf(await engine.open()));
    } finally {
      await redis.end();
      await engine.destroy();
    }
  });
});
