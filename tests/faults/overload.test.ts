import { expect } from 'chai';
import { CallError } from '../../src/rpc/client/call-error.js';
import { LoadLimit, watchLoad } from '../../src/rpc/load-limit.js';
import { DEFAULT_LIMITS } from '../../src/rpc/limits.js';
import { startEchoServer, type EchoServer } from '../support/echo-server.js';
import { onEachTransport } from '../support/on-each-transport.js';
import { spend } from '../support/spend.js';

const CALLS = 200;
const LATENESS_MS_MAX = 20;
const CALL_MS = 5;

describe('a server that is asked for more than it can do', () => {
  onEachTransport(() => {
    let server: EchoServer;
    let watch: { close(): void };

    beforeEach(async () => {
      const load = new LoadLimit({ ...DEFAULT_LIMITS, latenessMsMax: LATENESS_MS_MAX });
      watch = watchLoad(load);
      server = await startEchoServer({ latenessMsMax: LATENESS_MS_MAX }, { load });
    });

    afterEach(async () => {
      watch.close();
      await server.close();
    });

    /** Calls at once, without retries, and counts who was answered. */
    async function callMany(): Promise<{ good: number; refused: CallError[]; lost: unknown[] }> {
      const outcomes = await Promise.allSettled(Array.from({ length: CALLS }, () => server.client.say({})));
      const failed = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
      const isRefusal = (err: unknown): err is CallError => err instanceof CallError && err.reason === 'OVERLOADED';
      return {
        good: outcomes.length - failed.length,
        refused: failed.filter(isRefusal),
        lost: failed.filter((err) => !isRefusal(err)),
      };
    }

    it('does what it can and refuses the rest early, where handlers compute', async () => {
      server.handlers.say = async (_ctx, request) => {
        spend(CALL_MS);
        return request;
      };

      const { good, refused, lost } = await callMany();

      // A server that takes all of them answers all of them, each later than the one before.
      expect(lost).to.deep.equal([]);
      expect(good).to.be.at.least(32);
      expect(refused).not.to.have.length(0);
      expect(refused[0]?.codeName).to.equal('RESOURCE_EXHAUSTED');
      expect(refused[0]?.retryDelayMs).to.be.greaterThan(0);
    }).timeout(20_000);

    it('does what it can and refuses the rest early, where handlers queue for something', async () => {
      // One at a time has what all need, as with a database that cannot take more.
      let last: Promise<unknown> = Promise.resolve();
      const queued = () => {
        const mine = last.then(() => new Promise((resolve) => setTimeout(resolve, CALL_MS)));
        last = mine;
        return mine;
      };
      server.handlers.say = async (_ctx, request) => {
        await queued();
        return request;
      };
      await server.client.say({});

      // Whoever comes while the first wave still waits finds out that there is too much.
      const first = callMany();
      let second = await callMany();
      for (let i = 0; i < 20 && second.refused.length === 0; i += 1) second = await callMany();
      const { lost } = await first;

      expect([...lost, ...second.lost]).to.deep.equal([]);
      expect(second.refused).not.to.have.length(0);
    }).timeout(60_000);
  });
});
