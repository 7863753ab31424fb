import { expect } from 'chai';
import { createLedger, type Ledger } from '../../src/ledger/ledger.js';
import { effectsOf } from '../../src/store/effects.js';
import { decodeCommits, type Entry, sealEntry } from '../../src/store/entry.js';
import type { Store } from '../../src/store/store.js';
import { createGate, delegateStore } from '../support/delegating-store.js';
import { describeMongo } from '../support/describe-mongo.js';
import { findViolations, type Operation } from '../support/linearizability.js';
import { createMongoEngine } from '../support/mongo-engine.js';
import { recordCalls } from '../support/record-calls.js';
import { REGISTER, type RegisterInput } from '../support/register.js';
import { SILENT_LOGGER } from '../support/silent-logger.js';

type History = readonly Operation<RegisterInput, string>[];

// Each mechanism is taken out by a store that does without it. The schedule is one that the whole ledger stands, so the
// same history has to be fine with the mechanism in its place.
describeMongo('the checker, on a ledger whose', (server) => {
  let engine: ReturnType<typeof createMongoEngine>;
  const ledgers: Ledger[] = [];

  const open = async (change: (store: Store) => Partial<Store> = () => ({})) => {
    const store = await engine.open();
    await store.declareCollections(['orders']);
    const changed = delegateStore(store, change(store));
    const ledger = await createLedger({ store: changed, logger: SILENT_LOGGER, pollIntervalMs: 60_000 });
    ledgers.push(ledger);
    return ledger;
  };

  beforeEach(() => {
    engine = createMongoEngine(server());
  });
  afterEach(async () => {
    for (const ledger of ledgers.splice(0)) await ledger.close();
    await engine.destroy();
  });

  const cases: Record<string, (isOut: boolean) => Promise<History>> = {
    'losers of a race judge again': async (isOut) => {
      const calls = recordCalls();
      const gate = createGate();
      // Both read before either appends.
      const first = await open((store) => ({
        append: async (entry) => {
          await gate.pass();
          return isOut ? appendAnyway(store, entry) : store.append(entry);
        },
      }));
      const second = await open();
      const losing = calls.swap(first, 'a');
      await gate.reached;
      await calls.swap(second, 'b');
      gate.open();
      await losing.catch(() => {});
      return calls.history();
    },
    'acknowledgements wait for the insert': async (isOut) => {
      const calls = recordCalls();
      const first = await open((store) => ({
        // The process dies with the insert still in its hands.
        append: async (entry) => (isOut ? 'appended' : store.append(entry)),
        apply: async (entries) => (isOut ? undefined : store.apply(entries)),
      }));
      await calls.put(first, 'a');
      await calls.get(await open());
      return calls.history();
    },
    'late writes are guarded by revision': async (isOut) => {
      const calls = recordCalls();
      const gate = createGate();
      let isLate = true;
      // It only reads, and helps with what it reads.
      const slow = await open((store) => ({
        apply: async (entries) => {
          if (!isLate) return store.apply(entries);
          isLate = false;
          await gate.pass();
          return isOut ? applyUnguarded(engine, entries) : store.apply(entries);
        },
      }));
      const quick = await open();
      await calls.put(quick, 'a');
      const late = slow.catchUp();
      await gate.reached;
      await calls.put(quick, 'b');
      gate.open();
      await late;
      await calls.get(quick);
      return calls.history();
    },
    'reads catch up with the tail': async (isOut) => {
      const calls = recordCalls();
      const writer = await open();
      await calls.put(writer, 'a');
      const reader = await open((store) => ({
        readTail: async (after, limit) => (isOut && after > 0 ? [] : store.readTail(after, limit)),
        // What a cache does: the value is served as long as the log shows no change.
        getDocuments: memoize(store),
      }));
      await calls.get(reader);
      await calls.put(writer, 'b');
      await calls.get(reader);
      return calls.history();
    },
  };
  for (const [mechanism, run] of Object.entries(cases)) {
    it(`${mechanism}, finds nothing`, async () => {
      expect(findViolations(await run(false), REGISTER)).to.deep.equal([]);
    });

    it(`${mechanism} no more, finds it`, async () => {
      expect(findViolations(await run(true), REGISTER)).to.deep.equal(['register']);
    });
  }
});

async function appendAnyway(store: Store, entry: Entry): Promise<'appended'> {
  for (;;) {
    const last = (await store.readEntries(entry.first - 1, 100)).at(-1);
    const base = last
      ? { revision: last.last, hash: last.hash }
      : { revision: entry.first - 1, hash: entry.previousHash };
    const commits = decodeCommits(entry).map((commit, index) => ({ ...commit, revision: base.revision + 1 + index }));
    const moved = sealEntry({ commits, time: entry.time, batchId: entry.batchId, previousHash: base.hash });
    if ((await store.append(moved)) === 'appended') return 'appended';
  }
}

async function applyUnguarded(engine: ReturnType<typeof createMongoEngine>, entries: readonly Entry[]): Promise<void> {
  for (const { document } of effectsOf(entries.flatMap(decodeCommits))) {
    if (document) await engine.tamper.writeDocument(document);
  }
}

function memoize(store: Store): Store['getDocuments'] {
  const memory = new Map<number, ReturnType<Store['getDocuments']>>();
  return (request) => {
    const known = memory.get(request.at) ?? store.getDocuments(request);
    memory.set(request.at, known);
    return known;
  };
}
