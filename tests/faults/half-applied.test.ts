import { expect } from 'chai';
import { createLedger, type Ledger } from '../../src/ledger/ledger.js';
import { effectsOf } from '../../src/store/effects.js';
import { decodeCommits } from '../../src/store/entry.js';
import type { Store } from '../../src/store/store.js';
import { delegateStore } from '../support/delegating-store.js';
import { describeMongo } from '../support/describe-mongo.js';
import { createMongoEngine } from '../support/mongo-engine.js';
import { rejection } from '../support/rejection.js';
import { SILENT_LOGGER } from '../support/silent-logger.js';

describeMongo('a commit that its process appended and did not apply', (server) => {
  let engine: ReturnType<typeof createMongoEngine>;
  let store: Store;
  let other: Ledger;
  const ledgers: Ledger[] = [];

  const open = async (on: Store) => {
    await on.declareCollections(['orders']);
    const ledger = await createLedger({ store: on, logger: SILENT_LOGGER, pollIntervalMs: 60_000 });
    ledgers.push(ledger);
    return ledger;
  };
  const put = (ledger: Ledger, n: number) =>
    ledger.commit({
      writes: ['a', 'b'].map((id) => ({ kind: 'put', collection: 'orders', id, value: { n } }) as const),
    });
  /** Writes the second commit, of which the state shows as many documents as told; other processes have seen the first. */
  const leaveHalf = async (documents: number) => {
    const failure = new Error('the server is away');
    const lame = await open(delegateStore(await engine.open(), { apply: () => Promise.reject(failure) }));
    await lame.commit({
      writes: [
        { kind: 'put', collection: 'orders', id: 'a', value: { n: 2 } },
        { kind: 'delete', collection: 'orders', id: 'b' },
      ],
    });
    const [entry] = await store.readEntries(1, 1);
    const effects = entry ? effectsOf(decodeCommits(entry)) : [];
    for (const { document } of effects.slice(0, documents)) if (document) await engine.tamper.writeDocument(document);
  };

  beforeEach(async () => {
    engine = createMongoEngine(server());
    store = await engine.open();
    other = await open(store);
    await put(other, 1);
  });
  afterEach(async () => {
    for (const ledger of ledgers.splice(0)) await ledger.close();
    await engine.destroy();
  });

  for (const documents of [0, 1]) {
    context(`when the state shows ${documents} of its documents`, () => {
      beforeEach(() => leaveHalf(documents));

      it('is seen whole by a read', async () => {
        const { documents: found } = await other.getMany('orders', ['a', 'b']);
        expect(found.map((document) => document?.value)).to.deep.equal([{ n: 2 }, undefined]);
      });

      it('is seen whole or not at all by a read that takes what is there', async () => {
        const { documents: found } = await other.getMany('orders', ['a', 'b'], { freshness: 'any' });
        const seen = found.map((document) => document?.revision);
        expect([
          [1, 1],
          [2, undefined],
        ]).to.deep.include(seen);
      });

      it('is seen whole or not at all by a scan', async () => {
        const { documents: found } = await other.scan('orders', { limit: 10, freshness: 'any' });
        expect([[1, 1], [2]]).to.deep.include(found.map(({ revision }) => revision));
      });

      it('counts for preconditions', async () => {
        const create = { kind: 'put', collection: 'orders', id: 'b', value: {}, precondition: 'absent' } as const;
        expect(await other.commit({ writes: [create] })).to.include({ revision: 3 });
      });

      it('is not overlooked by a refusal', async () => {
        const replace = { kind: 'put', collection: 'orders', id: 'b', value: {}, precondition: 'exists' } as const;
        expect(await rejection(other.commit({ writes: [replace] }))).to.include({
          reason: 'PRECONDITION_FAILED',
          found: undefined,
        });
      });
    });
  }
});
