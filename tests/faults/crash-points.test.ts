import { expect } from 'chai';
import type { CommitInput } from '../../src/ledger/commit.js';
import { createLedger, type Ledger } from '../../src/ledger/ledger.js';
import { verifyLedger } from '../../src/ledger/verify.js';
import { openMongoStore } from '../../src/store/mongo/open-mongo-store.js';
import type { Store } from '../../src/store/store.js';
import { describeMongo } from '../support/describe-mongo.js';
import { createMongoEngine } from '../support/mongo-engine.js';
import { type Fate, type MongoProxy, startMongoProxy } from '../support/mongo-proxy.js';
import { SILENT_LOGGER } from '../support/silent-logger.js';

const COMMIT: CommitInput = {
  writes: [
    { kind: 'put', collection: 'orders', id: 'new', value: { n: 1 }, precondition: 'absent' },
    { kind: 'put', collection: 'parcels', id: 'old', value: { n: 2 }, precondition: 'exists' },
    { kind: 'delete', collection: 'orders', id: 'gone' },
  ],
  request: { caller: 'a', id: 'r', fingerprint: 'f' },
};

describeMongo('a commit on a MongoDB server', (server) => {
  let engine: ReturnType<typeof createMongoEngine>;
  let proxy: MongoProxy;

  const open = async (url: string) => {
    const store = await openMongoStore({ url });
    await store.declareCollections(['orders', 'parcels']);
    // A poll would send commands of its own.
    return { store, ledger: await createLedger({ store, logger: SILENT_LOGGER, pollIntervalMs: 60_000 }) };
  };
  const close = async ({ store, ledger }: { readonly store: Store; readonly ledger: Ledger }) => {
    await store.close();
    await ledger.close().catch(() => {});
  };
  const seeOutcome = async (ledger: Ledger) => {
    const created = await ledger.get('orders', 'new');
    const replaced = await ledger.get('parcels', 'old');
    const deleted = await ledger.get('orders', 'gone');
    return [created !== undefined, replaced?.value.n === 2, deleted === undefined];
  };

  const prepare = async () => {
    engine = createMongoEngine(server());
    proxy = await startMongoProxy(engine.url);
    const first = await open(engine.url);
    await first.ledger.commit({
      writes: [
        { kind: 'put', collection: 'parcels', id: 'old', value: { n: 1 } },
        { kind: 'put', collection: 'orders', id: 'gone', value: {} },
      ],
    });
    await close(first);
  };
  const cleanUp = async () => {
    await proxy.close();
    await engine.destroy();
  };
  /** Crashes a process at one command of a commit. False if the commit has fewer commands. */
  const crashAt = async (point: number, fate: Fate): Promise<boolean> => {
    await cleanUp();
    await prepare();
    const doomed = await open(proxy.url);
    let count = 0;
    const crashed = new Promise<false>((resolve) => {
      proxy.decide(() => {
        count += 1;
        if (count !== point) return 'pass';
        // With its answer lost, the command still has to reach the server before the process is gone.
        setTimeout(() => resolve(false), fate === 'lose-answer' ? 30 : 0);
        return fate;
      });
    });
    const acknowledged = doomed.ledger.commit(COMMIT).then(() => true);
    acknowledged.catch(() => {});
    const wasAcknowledged = await Promise.race([acknowledged, crashed]);
    proxy.cut();
    await close(doomed);
    await expectWhole(wasAcknowledged);
    return count >= point;
  };
  const expectWhole = async (wasAcknowledged: boolean) => {
    const survivor = await open(engine.url);
    const outcome = await seeOutcome(survivor.ledger);
    if (wasAcknowledged) expect(outcome).to.deep.equal([true, true, true]);
    else expect(new Set(outcome).size, String(outcome)).to.equal(1);
    expect(await survivor.ledger.commit(COMMIT)).to.include({ replayed: outcome[0], revision: 2 });
    expect(await verifyLedger(survivor.store)).to.include({ ok: true });
    await close(survivor);
  };

  beforeEach(prepare);
  afterEach(cleanUp);

  for (const fate of ['lose-request', 'lose-answer'] as const) {
    it(`is wholly there or not at all after a crash at any of its commands with ${fate}`, async function () {
      this.timeout(20_000);
      let point = 1;
      while (await crashAt(point, fate)) point += 1;
      // Reads of the state, the insert of the entry, updates of the state, the watermark.
      expect(point).to.be.greaterThan(6);
    });

    it(`takes effect once, with no request id to tell, when the append is hit by ${fate}`, async () => {
      const living = await open(proxy.url);
      let isHit = false;
      proxy.decide((command) => {
        if (isHit || command !== 'insert') return 'pass';
        isHit = true;
        return fate;
      });
      const put = { kind: 'put', collection: 'orders', id: 'new', value: {}, precondition: 'absent' } as const;
      expect(await living.ledger.commit({ writes: [put] })).to.include({ revision: 2, replayed: false });
      expect(isHit).to.equal(true);
      expect(await living.store.readEntries(1, 10)).to.have.length(1);
      await close(living);
    });

    it(`takes effect once when every command in turn is hit by ${fate}, and the process lives on`, async () => {
      const living = await open(proxy.url);
      for (let point = 1; point <= 6; point += 1) {
        let count = 0;
        proxy.decide(() => {
          count += 1;
          return count === point ? fate : 'pass';
        });
        const id = `n-${point}`;
        const put = { writes: [{ kind: 'put', collection: 'orders', id, value: { point } }] } as const;
        const request = { caller: 'a', id, fingerprint: id };
        const result = await untilAcknowledged(() => living.ledger.commit({ ...put, request }));
        expect(result.revision).to.equal(point + 1);
      }
      proxy.decide(() => 'pass');
      expect(await verifyLedger(living.store)).to.include({ ok: true });
      await close(living);
    });
  }
});

async function untilAcknowledged<T>(attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch {
      // Whatever the caller was told, it repeats the request.
    }
  }
}
