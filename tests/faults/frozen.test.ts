import { expect } from 'chai';
import { createLedger, type Ledger } from '../../src/ledger/ledger.js';
import { createRetention, RETENTION_HOLD_MS } from '../../src/ledger/retention.js';
import { verifyLedger } from '../../src/ledger/verify.js';
import { applyEntries } from '../../src/store/mongo/apply.js';
import { ledgerCollections } from '../../src/store/mongo/database.js';
import { createPositions } from '../../src/store/mongo/positions.js';
import type { Store } from '../../src/store/store.js';
import { MongoClient } from 'mongodb';
import { createGate, delegateStore } from '../support/delegating-store.js';
import { untilApplied } from '../support/until-applied.js';
import { describeMongo } from '../support/describe-mongo.js';
import { createManualClock, type ManualClock } from '../support/manual-clock.js';
import { createMongoEngine } from '../support/mongo-engine.js';
import { SILENT_LOGGER } from '../support/silent-logger.js';

const AWAY_MS = 60 * 60 * 1000;

describeMongo('a process that is frozen', (server) => {
  let engine: ReturnType<typeof createMongoEngine>;
  let store: Store;
  let other: Ledger;
  let clock: ManualClock;
  const ledgers: Ledger[] = [];

  const openLedger = async (on: Store) => {
    const ledger = await createLedger({ store: on, logger: SILENT_LOGGER, clock, pollIntervalMs: 60_000 });
    ledgers.push(ledger);
    return ledger;
  };
  const put = (ledger: Ledger, id: string, by: string) =>
    ledger.commit({ writes: [{ kind: 'put', collection: 'orders', id, value: { by } }] });
  /** Everything that may go while one process is away: entries, tombstones and all. */
  const dropHistory = async () => {
    const position = await untilApplied(store, other.revision());
    const policy = { ageMs: AWAY_MS, hardAgeMs: AWAY_MS, commitsMax: 1 };
    const retention = createRetention({ store, log: { position: () => position }, clock, policy });
    await retention.run();
    clock.advance(RETENTION_HOLD_MS);
    await retention.run();
  };

  beforeEach(async () => {
    clock = createManualClock();
    engine = createMongoEngine(server(), { elapsed: () => clock.atMost() });
    store = await engine.open();
    other = await openLedger(store);
    await other.declareCollections(['orders']);
    await put(other, 'o-1', 'other');
  });
  afterEach(async () => {
    for (const ledger of ledgers.splice(0)) await ledger.close();
    await engine.destroy();
  });

  context('before it appends, until the place was used and dropped', () => {
    it('commits at the end of the log and not in that place', async () => {
      const gate = createGate();
      const own = await engine.open();
      let appends = 0;
      const frozen = await openLedger(
        delegateStore(own, {
          append: async (entry) => {
            appends += 1;
            if (appends === 1) await gate.pass();
            return own.append(entry);
          },
        }),
      );
      const committing = put(frozen, 'o-1', 'frozen');
      await gate.reached;
      for (let n = 2; n <= 6; n += 1) await put(other, `o-${n}`, 'other');
      await dropHistory();
      gate.open();

      expect((await committing).revision).to.equal(7);
      expect((await other.get('orders', 'o-1'))?.value).to.deep.equal({ by: 'frozen' });
      expect(await verifyLedger(store)).to.include({ ok: true });
    });

    it('leaves nothing there that another process takes for history', async () => {
      const behind = await openLedger(await engine.open());
      const [, stray] = [await put(other, 'o-2', 'other'), (await store.readEntries(1, 1))[0]];
      for (let n = 3; n <= 6; n += 1) await put(other, `o-${n}`, 'other');
      await dropHistory();
      if (!stray) throw new Error('Cannot put an entry in its old place: it was not read');
      await engine.tamper.writeEntry(stray);

      expect(await behind.catchUp()).to.equal(6);
      expect(await store.readEntries(1, 10)).to.have.length(1);
      await dropHistory();
    });
  });

  context('before it applies what it appended, until that was deleted and forgotten', () => {
    it('brings nothing back', async () => {
      const gate = createGate();
      const own = await engine.open();
      const frozen = await openLedger(
        delegateStore(own, {
          apply: async (entries) => {
            await gate.pass();
            return own.apply(entries);
          },
        }),
      );
      const committing = put(frozen, 'short-lived', 'frozen');
      await gate.reached;
      await other.commit({ writes: [{ kind: 'delete', collection: 'orders', id: 'short-lived' }] });
      await put(other, 'o-2', 'other');
      await put(other, 'o-3', 'other');
      await dropHistory();
      gate.open();

      expect((await committing).revision).to.equal(2);
      expect(await other.get('orders', 'short-lived')).to.equal(undefined);
      expect(await frozen.get('orders', 'short-lived')).to.equal(undefined);
    });
  });

  context('while it writes what it applies, until that was deleted and forgotten', () => {
    it('takes back what it brought back', async () => {
      await put(other, 'short-lived', 'other');
      const [, entry] = await store.readEntries(0, 2);
      await other.commit({ writes: [{ kind: 'delete', collection: 'orders', id: 'short-lived' }] });
      await put(other, 'o-2', 'other');
      await put(other, 'o-3', 'other');
      await dropHistory();
      if (!entry) throw new Error('Cannot apply an entry late: it was not read');

      const client = new MongoClient(engine.url);
      const collections = ledgerCollections(client.db());
      const positions = createPositions(collections.positions, { revision: 0, hash: '', time: 0 });
      // The first look at the clock is before it writes, the second one after it woke.
      const looks = [0, AWAY_MS];
      const elapsed = () => looks.shift() ?? AWAY_MS;
      await applyEntries({ collections, positions, elapsed }, [entry], 0);
      await client.close();

      expect(await other.get('orders', 'short-lived')).to.equal(undefined);
      expect((await other.scan('orders', { limit: 10 })).documents.map(({ id }) => id)).to.deep.equal([
        'o-1',
        'o-2',
        'o-3',
      ]);
    });
  });
});
