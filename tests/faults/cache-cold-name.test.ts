import { expect } from 'chai';
import { describeMongo } from '../support/describe-mongo.js';
import { createMongoEngine } from '../support/mongo-engine.js';
import { type MortalProcess, startMortalProcess } from '../support/mortal-process.js';
import { type MortalRedis, startMortalRedis } from '../support/mortal-redis.js';
import type { ProcessCache, ProcessCounts } from '../support/process-calls.js';
import { requireTool } from '../support/require-tool.js';

const PROCESSES = 2;
const GETS = 10_000;
const TEST_MS_MAX = 60_000;

describeMongo('10,000 gets of one cold name at once, in each of two processes', (server) => {
  let engine: ReturnType<typeof createMongoEngine>;
  let processes: MortalProcess[];

  beforeEach(() => {
    engine = createMongoEngine(server());
    processes = [];
  });
  afterEach(async () => {
    await Promise.all(processes.map((process) => process.end()));
    await engine.destroy();
  });

  /** Gives how often each process has read the database for them. */
  async function readsOf(cache: ProcessCache): Promise<number[]> {
    for (let n = 0; n < PROCESSES; n += 1) {
      processes.push(await startMortalProcess({ engine: 'mongo', place: engine.url, cache }));
    }
    await processes[0]?.call({ kind: 'put', key: 'cold', value: 'written' });
    const before = await Promise.all(processes.map(countReads));
    const same = await Promise.all(
      processes.map((process) => process.call({ kind: 'get many', key: 'cold', times: GETS })),
    );
    expect(same).to.deep.equal(processes.map(() => String(GETS)));
    expect(await processes[1]?.call({ kind: 'get', key: 'cold' })).to.equal('written');
    const after = await Promise.all(processes.map(countReads));
    return after.map((reads, index) => reads - (before[index] ?? 0));
  }

  it('read the database once in each process', async function () {
    this.timeout(TEST_MS_MAX);
    expect(await readsOf({})).to.deep.equal([1, 1]);
  });

  describe('with Redis between them', () => {
    let redis: MortalRedis;

    before(requireTool('redis'));
    beforeEach(async () => {
      redis = await startMortalRedis();
    });
    afterEach(() => redis.end());

    it('read the database at most once in each process', async function () {
      this.timeout(TEST_MS_MAX);
      const reads = await readsOf({ redisUrl: redis.url });

      expect(reads.reduce((sum, count) => sum + count, 0)).to.be.within(1, PROCESSES);
      expect(Math.max(...reads)).to.equal(1);
    });
  });
});

async function countReads(process: MortalProcess): Promise<number> {
  return (JSON.parse(await process.call({ kind: 'count' })) as ProcessCounts).databaseReads;
}
