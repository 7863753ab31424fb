import { expect } from 'chai';
import { createLedger, type Ledger } from '../../src/ledger/ledger.js';
import {
  createRetention,
  REQUEST_MEMORY_MS,
  RETENTION_HOLD_MS,
  type RetentionPolicy,
} from '../../src/ledger/retention.js';
import { verifyLedger } from '../../src/ledger/verify.js';
import type { Store } from '../../src/store/store.js';
import type { CreateEngine, Engine } from '../support/engine.js';
import { createManualClock, type ManualClock } from '../support/manual-clock.js';
import { rejection } from '../support/rejection.js';
import { SILENT_LOGGER } from '../support/silent-logger.js';
import { untilApplied } from '../support/until-applied.js';

const HOUR_MS = 60 * 60 * 1000;
const POLICY: RetentionPolicy = { ageMs: HOUR_MS, hardAgeMs: 10 * HOUR_MS };

/** What history is dropped, and what never is, on any engine. */
export function describeRetention(createEngine: CreateEngine): void {
  let engine: Engine;
  let store: Store;
  let ledger: Ledger;
  let clock: ManualClock;

  const put = (id: string) => ledger.commit({ writes: [{ kind: 'put', collection: 'orders', id, value: {} }] });
  const remove = (id: string) => ledger.commit({ writes: [{ kind: 'delete', collection: 'orders', id }] });
  /** Runs retention as a process would that has watched the log for long enough. */
  const retain = async (policy: RetentionPolicy = POLICY) => {
    const position = await untilApplied(store, await ledger.catchUp());
    const retention = createRetention({ store, log: { position: () => position }, clock, policy });
    await retention.run();
    clock.advance(RETENTION_HOLD_MS);
    await retention.run();
  };
  const floor = async () => (await store.readFloor()).revision;

  beforeEach(async () => {
    engine = await createEngine();
    store = await engine.open();
    clock = createManualClock();
    ledger = await createLedger({ store, logger: SILENT_LOGGER, clock });
    await ledger.declareCollections(['orders']);
    for (let n = 1; n <= 5; n += 1) await put(`o-${n}`);
  });
  afterEach(async () => {
    await ledger.close();
    await engine.destroy();
  });

  it('drops what is older than the age, and keeps the rest', async () => {
    clock.advance(HOUR_MS);
    await put('o-6');
    await put('o-7');
    await retain();
    expect(await floor()).to.equal(5);
    expect((await store.readEntries(0, 10)).map(({ first }) => first)).to.deep.equal([6, 7]);
    expect((await ledger.get('orders', 'o-1'))?.revision).to.equal(1);
  });

  it('drops what is beyond the number', async () => {
    await retain({ ...POLICY, commitsMax: 2 });
    expect(await floor()).to.equal(3);
  });

  it('keeps the newest entry however old it is', async () => {
    clock.advance(20 * HOUR_MS);
    await retain();
    expect(await floor()).to.equal(4);
    expect((await put('o-6')).revision).to.equal(6);
  });

  it('keeps every entry that it has not watched for long enough', async () => {
    clock.advance(20 * HOUR_MS);
    const position = await store.readApplied();
    const retention = createRetention({ store, log: { position: () => position }, clock, policy: POLICY });
    await retention.run();
    clock.advance(RETENTION_HOLD_MS - 1);
    await retention.run();
    expect(await floor()).to.equal(0);
  });

  it('waits for a registered follower, up to the hard cap', async () => {
    await ledger.saveFollower({ name: 'mailer', revision: 2 });
    clock.advance(2 * HOUR_MS);
    await retain();
    expect(await floor()).to.equal(2);
    clock.advance(10 * HOUR_MS);
    await retain();
    expect(await floor()).to.equal(4);
  });

  it('answers OUT_OF_RANGE with the oldest revision below the floor', async () => {
    await retain({ ...POLICY, commitsMax: 2 });
    const following = ledger.follow({ after: 2 })[Symbol.asyncIterator]();
    expect(await rejection(Promise.resolve(following.next()))).to.include({
      reason: 'REVISION_OUT_OF_RANGE',
      oldest: 3,
    });
    const next = await ledger.follow({ after: 3 })[Symbol.asyncIterator]().next();
    expect(next.value).to.have.nested.property('commit.revision', 4);
  });

  it('keeps a chain that verifies, over a restart too', async () => {
    await remove('o-1');
    await retain({ ...POLICY, commitsMax: 2 });
    await ledger.close();
    await store.close();
    store = await engine.open();
    ledger = await createLedger({ store, logger: SILENT_LOGGER, clock });
    expect((await put('o-9')).revision).to.equal(7);
    const verification = await verifyLedger(store);
    expect(verification).to.have.nested.property('summary.unvouched', 3);
    expect(verification).to.have.nested.property('summary.floor.revision', 4);
  });

  it('forgets deletions, and a document can be created again', async () => {
    await remove('o-1');
    await put('o-6');
    await put('o-7');
    await retain({ ...POLICY, commitsMax: 1 });
    expect(await ledger.get('orders', 'o-1')).to.equal(undefined);
    expect((await put('o-1')).documents[0]).to.include({ createRevision: 9 });
  });

  it('remembers requests for a day, longer than entries', async () => {
    const request = { caller: 'a', id: 'r', fingerprint: 'f' };
    const ask = () => ledger.commit({ writes: [{ kind: 'put', collection: 'orders', id: 'r', value: {} }], request });
    await ask();
    await put('o-6');
    clock.advance(REQUEST_MEMORY_MS - RETENTION_HOLD_MS);
    await retain();
    expect(await floor()).to.equal(6);
    expect(await ask()).to.include({ replayed: true });
    clock.advance(1);
    await retain();
    expect(await ask()).to.include({ replayed: false });
  });
}
