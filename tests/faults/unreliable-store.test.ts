import { expect } from 'chai';
import { createLedger, type Ledger } from '../../src/ledger/ledger.js';
import { verifyLedger } from '../../src/ledger/verify.js';
import { describeMongo } from '../support/describe-mongo.js';
import { createEmbeddedEngine } from '../support/embedded-engine.js';
import type { Engine } from '../support/engine.js';
import { findViolations, type Operation } from '../support/linearizability.js';
import { createMongoEngine } from '../support/mongo-engine.js';
import { createRandom } from '../support/random.js';
import { REGISTER, type RegisterInput } from '../support/register.js';
import { seed } from '../support/seed.js';
import { SILENT_LOGGER } from '../support/silent-logger.js';
import { unreliable } from '../support/unreliable-store.js';

const COLLECTION = 'orders';
// Short histories: what a lost answer leaves open multiplies what the checker has to search.
const KEYS = ['a', 'b', 'c', 'd'];
const CLIENTS = 6;
const CALLS_PER_CLIENT = 7;
const ROUNDS = 8;
const OPEN_ATTEMPTS = 50;
const TEST_MS_MAX = 60_000;

type History = Operation<RegisterInput, string>[];

describe('a ledger over a store that loses, delays, repeats and reorders', () => {
  context('on the embedded engine', () => {
    it('is linearizable, and leaves a log that its state agrees with', async function () {
      this.timeout(TEST_MS_MAX);
      for (let round = 0; round < ROUNDS; round += 1) {
        await attack(await createEmbeddedEngine(), { processes: 1, random: createRandom(seed() + round) });
      }
    });
  });

  describeMongo('on a MongoDB server, from two processes', (server) => {
    it('is linearizable, and leaves a log that its state agrees with', async function () {
      this.timeout(TEST_MS_MAX);
      for (let round = 0; round < ROUNDS; round += 1) {
        await attack(createMongoEngine(server()), { processes: 2, random: createRandom(seed() + round) });
      }
    });
  });
});

interface Attack {
  readonly processes: number;
  readonly random: () => number;
}

async function attack(engine: Engine, { processes, random }: Attack): Promise<void> {
  const history: History = [];
  const first = await engine.open();
  await first.declareCollections([COLLECTION]);
  const others = await Promise.all(Array.from({ length: processes - 1 }, () => engine.open()));
  const stores = [first, ...others].map((store) => unreliable(store, random));
  const ledgers: Ledger[] = [];
  for (const store of stores) {
    ledgers.push(await untilItSucceeds(() => createLedger({ store, logger: SILENT_LOGGER, pollIntervalMs: 60_000 })));
  }

  const clients = ledgers.flatMap((ledger, process) =>
    Array.from({ length: CLIENTS / processes }, (_, n) => runClient({ ledger, random, history }, `${process}.${n}`)),
  );
  await Promise.all(clients);
  for (const ledger of ledgers) await ledger.close();
  for (const store of stores) await store.settle();

  const reliable = await createLedger({ store: first, logger: SILENT_LOGGER });
  for (const key of KEYS) await record(history, { key, input: { kind: 'get' } }, () => get(reliable, key));
  const verified = await verifyLedger(first);
  await reliable.close();
  await engine.destroy();

  expect(findViolations(history, REGISTER)).to.deep.equal([]);
  expect(verified).to.have.property('ok', true);
}

interface Client {
  readonly ledger: Ledger;
  readonly random: () => number;
  readonly history: History;
}

async function runClient({ ledger, random, history }: Client, name: string): Promise<void> {
  for (let count = 0; count < CALLS_PER_CLIENT; count += 1) {
    const key = KEYS[Math.floor(random() * KEYS.length)] ?? '';
    const value = `${name}.${count}`;
    const choice = random();
    if (choice < 0.4) await record(history, { key, input: { kind: 'get' } }, () => get(ledger, key));
    else if (choice < 0.7) await record(history, { key, input: { kind: 'put', value } }, () => put(ledger, key, value));
    else await record(history, { key, input: { kind: 'swap', value } }, () => swap(ledger, key, value));
  }
}

/** Writes a call down as its caller saw it; of one that failed nobody knows whether it took effect. */
async function record(
  history: History,
  call: { readonly key: string; readonly input: RegisterInput },
  run: () => Promise<string>,
): Promise<void> {
  const start = performance.now();
  try {
    const output = await run();
    history.push({ ...call, output, start, end: performance.now() });
  } catch {
    if (call.input.kind !== 'get') history.push({ ...call, output: undefined, start, end: Infinity });
  }
}

async function get(ledger: Ledger, key: string): Promise<string> {
  const text = (await ledger.get(COLLECTION, key))?.value.text;
  return typeof text === 'string' ? text : '';
}

async function put(ledger: Ledger, key: string, text: string): Promise<string> {
  await ledger.commit({ writes: [{ kind: 'put', collection: COLLECTION, id: key, value: { text } }] });
  return '';
}

async function swap(ledger: Ledger, key: string, text: string): Promise<string> {
  let before = '';
  await ledger.transact(async (view) => {
    const found = (await view.get(COLLECTION, key))?.value.text;
    before = typeof found === 'string' ? found : '';
    return [{ kind: 'put', collection: COLLECTION, id: key, value: { text } }];
  });
  return before;
}

async function untilItSucceeds<T>(run: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run();
    } catch (err) {
      if (attempt === OPEN_ATTEMPTS) throw err;
    }
  }
}
