import { expect } from 'chai';
import { createLedger } from '../../src/ledger/ledger.js';
import { CACHE_KEYS_COLLECTION, createCachedLedger, type CachedLedger } from '../../src/repositories/cached-ledger.js';
import { createGate, delegateStore } from '../support/delegating-store.js';
import { createEmbeddedEngine } from '../support/embedded-engine.js';
import { SILENT_LOGGER } from '../support/silent-logger.js';

const COLLECTION = 'orders';

// The writer of the embedded engine is a thread of its own: its commit is on the disk, and shown by every read of the
// database, before this thread hears of it.
describe('a cached read on the embedded engine, while a commit is on the disk and not yet known', () => {
  let engine: Awaited<ReturnType<typeof createEmbeddedEngine>>;
  let ledger: CachedLedger;
  let gate: ReturnType<typeof createGate> | undefined;

  beforeEach(async () => {
    gate = undefined;
    engine = await createEmbeddedEngine();
    const store = await engine.open();
    await store.declareCollections([COLLECTION, CACHE_KEYS_COLLECTION]);
    const slow = delegateStore(store, {
      append: async (entry) => {
        const outcome = await store.append(entry);
        await gate?.pass();
        return outcome;
      },
    });
    ledger = await createCachedLedger({ ledger: await createLedger({ store: slow, logger: SILENT_LOGGER }) });
  });

  afterEach(async () => {
    await ledger.close();
    await engine.destroy();
  });

  const put = (text: string) =>
    ledger.commit({ writes: [{ kind: 'put', collection: COLLECTION, id: 'a/1', value: { text } }] });

  const otherReads: Record<string, () => Promise<unknown>> = {
    getMany: async () => (await ledger.getMany(COLLECTION, ['a/1'])).documents[0]?.value.text,
    scan: async () => (await ledger.scan(COLLECTION, { limit: 1 })).documents[0]?.value.text,
    query: async () => {
      const condition = { kind: 'and', conditions: [] } as const;
      const { found } = await ledger.query(COLLECTION, {
        condition,
        parent: 'a/',
        orderBy: [],
        limit: 1,
        examineMax: 9,
      });
      return found[0]?.document.value.text;
    },
  };
  for (const [method, read] of Object.entries(otherReads)) {
    it(`shows no less than a ${method}() that was answered before it began`, async () => {
      await put('old');
      await ledger.get(COLLECTION, 'a/1');
      gate = createGate();
      const writing = put('new');
      await gate.reached;

      const seen = await read();
      const cached = (await ledger.get(COLLECTION, 'a/1'))?.value.text;
      gate.open();
      await writing;

      expect([seen, cached]).to.deep.equal(['new', 'new']);
    });
  }
});
