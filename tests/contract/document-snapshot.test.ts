import { expect } from 'chai';
import { createLedger, type Ledger } from '../../src/ledger/ledger.js';
import { createExpiry } from '../../src/repositories/expiry.js';
import { SnapshotError } from '../../src/repositories/documents/errors.js';
import { takeSnapshot, type SnapshotQuery } from '../../src/repositories/documents/snapshot.js';
import { createEngineWalk, type Walk } from '../../src/repositories/documents/walk.js';
import { EVERYTHING } from '../../src/store/query/condition.js';
import { createEmbeddedEngine } from '../support/embedded-engine.js';
import { describeMongo } from '../support/describe-mongo.js';
import type { CreateEngine, Engine } from '../support/engine.js';
import { createMongoEngine } from '../support/mongo-engine.js';
import { createRandom } from '../support/random.js';
import { rejection } from '../support/rejection.js';
import { seed } from '../support/seed.js';
import { SILENT_LOGGER } from '../support/silent-logger.js';

const COLLECTION = 'things';
const PARENT = 'c/';
const IDS = 24;
const PART = 3;
const ROUNDS = 12;
const HOOK_MS_MAX = 60_000;

describe('takeSnapshot(), on the embedded engine', () => testSnapshots(createEmbeddedEngine));
describeMongo('takeSnapshot(), on MongoDB', (server) => testSnapshots(async () => createMongoEngine(server())));

function testSnapshots(createEngine: CreateEngine): void {
  let engine: Engine;
  let ledger: Ledger;

  before(async function () {
    this.timeout(HOOK_MS_MAX);
    engine = await createEngine();
    const store = await engine.open();
    await store.declareCollections([COLLECTION]);
    ledger = await createLedger({ store, logger: SILENT_LOGGER });
  });
  after(async function () {
    this.timeout(HOOK_MS_MAX);
    await ledger.close();
    await engine.destroy();
  });

  const write = (id: string, n: number | undefined) =>
    ledger.commit({
      writes: [
        n === undefined
          ? { kind: 'delete', collection: COLLECTION, id }
          : { kind: 'put', collection: COLLECTION, id, value: { fields: { n } } },
      ],
    });
  const expiry = createExpiry({ expireTime: undefined }, () => 0);
  const query: SnapshotQuery = { collection: COLLECTION, parent: PARENT, condition: EVERYTHING, orderBy: [] };

  /** Reads a few at a time, and lets something happen after each. */
  const interrupted = (asked: SnapshotQuery, meanwhile: () => Promise<unknown>): Walk => {
    const walk = createEngineWalk(ledger, asked);
    return async (after, limit, signal) => {
      const part = await walk(after, Math.min(limit, PART), signal);
      await meanwhile();
      return part;
    };
  };

  /** The state at a revision, by the log alone. */
  const stateAt = async (revision: number) => {
    const state = new Map<string, unknown>();
    for await (const event of ledger.follow({ after: 0 })) {
      if (event.kind === 'checkpoint' || event.commit.revision > revision) break;
      for (const one of event.commit.writes) {
        if (one.kind === 'put') state.set(one.id, one.value['fields']);
        else state.delete(one.id);
      }
      if (event.commit.revision === revision) break;
    }
    return [...state].sort(([a], [b]) => (a < b ? -1 : 1));
  };

  it('gives what the log says of one revision, whatever is written between its parts', async () => {
    const random = createRandom(seed());
    const anyId = () => `${PARENT}d${Math.floor(random() * IDS) + 10}`;
    for (let n = 0; n < IDS; n += 1) await write(anyId(), n);
    for (let round = 0; round < ROUNDS; round += 1) {
      const meanwhile = async () => {
        for (let n = 0; n < 3; n += 1) await write(anyId(), random() < 0.3 ? undefined : n);
      };
      const snapshot = await takeSnapshot({ ledger, expiry, walk: interrupted(query, meanwhile) }, query);
      await meanwhile();

      const seen: [string, unknown][] = [];
      for await (const { id, value } of snapshot.documents()) seen.push([id, value['fields']]);
      await snapshot.close();

      expect(seen).to.deep.equal(await stateAt(snapshot.revision));
    }
  }).timeout(120_000);

  it('gives no more than the limit, and the first of them, though some of those it read are gone', async () => {
    for (let n = 10; n < 10 + IDS; n += 1) await write(`${PARENT}d${n}`, n);
    const limited = { ...query, limit: 4 };
    let gone = 0;
    const walk = interrupted(limited, async () => {
      if (gone < 2) await write(`${PARENT}d${10 + gone}`, undefined);
      gone += 1;
    });

    const snapshot = await takeSnapshot({ ledger, expiry, walk }, limited);

    const seen: string[] = [];
    for await (const { id } of snapshot.documents()) seen.push(id.slice(PARENT.length));
    await snapshot.close();
    expect(seen).to.deep.equal(['d12', 'd13', 'd14', 'd15']);
  }).timeout(HOOK_MS_MAX);

  it('gives up when more is written meanwhile than it keeps', async () => {
    const text = 'x'.repeat(1_000_000);
    const walk = interrupted(query, async () => {
      for (let n = 0; n < 70; n += 1) {
        const value = { fields: { text, n } };
        await ledger.commit({ writes: [{ kind: 'put', collection: COLLECTION, id: `${PARENT}big`, value }] });
      }
    });

    const failed = await rejection(takeSnapshot({ ledger, expiry, walk }, query), SnapshotError);

    expect(failed.failure).to.equal('overtaken');
  }).timeout(120_000);
}
