import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { verifyLedger } from '../../src/ledger/verify.js';
import { type Commit, decodeCommits } from '../../src/store/entry.js';
import type { Store } from '../../src/store/store.js';
import { describeMongo } from '../support/describe-mongo.js';
import { createEmbeddedEngine } from '../support/embedded-engine.js';
import { findViolations, type Operation } from '../support/linearizability.js';
import { createMongoEngine } from '../support/mongo-engine.js';
import { type MortalProcess, startMortalProcess } from '../support/mortal-process.js';
import type { ProcessCall } from '../support/process-calls.js';
import { createRandom } from '../support/random.js';
import { REGISTER, type RegisterInput } from '../support/register.js';
import { seed } from '../support/seed.js';

const ATTACK_MS = 6_000;
const TEST_MS_MAX = 60_000;
const CLIENTS_PER_PROCESS = 3;
// Fresh documents every so often keep each history short enough to be searched.
const EPOCH_MS = 400;
const KEYS = 3;

interface Attack {
  readonly random: () => number;
  readonly history: Operation<RegisterInput, string>[];
  /** The values that were acknowledged; each is written by one call only. */
  readonly acknowledged: Set<string>;
  until: number;
}

/** Kills and freezes processes while clients call them, then holds what the clients saw against the log. */
async function attack(processes: readonly MortalProcess[], kinds: readonly (readonly RegisterInput['kind'][])[]) {
  const state: Attack = {
    random: createRandom(seed()),
    history: [],
    acknowledged: new Set(),
    until: performance.now() + ATTACK_MS,
  };
  const clients = processes.flatMap((process, index) =>
    Array.from({ length: CLIENTS_PER_PROCESS }, (_, n) =>
      runClient(state, process, kinds[index] ?? ['get'], `${index}.${n}`),
    ),
  );
  await Promise.all([...clients, harass(state, processes)]);
  return state;
}

async function runClient(state: Attack, process: MortalProcess, kinds: readonly RegisterInput['kind'][], name: string) {
  for (let count = 0; performance.now() < state.until; count += 1) {
    const kind = kinds[Math.floor(state.random() * kinds.length)] ?? 'get';
    const key = `${Math.floor(performance.now() / EPOCH_MS)}-${Math.floor(state.random() * KEYS)}`;
    const value = `${name}.${count}`;
    await record(state, process, kind === 'get' ? { kind, key } : { kind, key, value });
    await delay(state.random() * 10);
  }
}

type RegisterCall = Extract<ProcessCall, { kind: RegisterInput['kind'] }>;

async function record(state: Attack, process: MortalProcess, call: RegisterCall): Promise<void> {
  const start = performance.now();
  const output = await (call.kind === 'put'
    ? untilAcknowledged(process, call)
    : process.call(call).catch(() => undefined));
  if (output === undefined && call.kind === 'get') return;
  const end = output === undefined ? Infinity : performance.now();
  state.history.push({ key: call.key, input: call, output, start, end });
  if (output !== undefined && call.kind !== 'get') state.acknowledged.add(call.value);
}

// It names its request, so it may ask until it knows.
async function untilAcknowledged(process: MortalProcess, call: RegisterCall): Promise<string> {
  for (;;) {
    try {
      return await process.call(call);
    } catch {
      await delay(5);
    }
  }
}

async function harass(state: Attack, processes: readonly MortalProcess[]): Promise<void> {
  while (performance.now() < state.until) {
    await delay(50 + state.random() * 150);
    const victim = processes[Math.floor(state.random() * processes.length)];
    if (!victim) continue;
    if (state.random() < 0.5) await victim.restart();
    else await freezeFor(victim, state.random() * 300);
  }
}

async function freezeFor(victim: MortalProcess, ms: number): Promise<void> {
  victim.freeze();
  await delay(ms);
  victim.thaw();
}

async function readLog(store: Store): Promise<readonly Commit[]> {
  const commits: Commit[] = [];
  for (;;) {
    const entries = await store.readEntries(commits.length, 1_000);
    if (entries.length === 0) return commits;
    commits.push(...entries.flatMap(decodeCommits));
  }
}

async function expectRight(store: Store, { history, acknowledged }: Attack): Promise<readonly Commit[]> {
  const commits = await readLog(store);
  expect(history.length, 'calls').to.be.greaterThan(50);
  expect(findViolations(history, REGISTER)).to.deep.equal([]);
  const written = commits.flatMap(({ writes }) =>
    writes.map((write) => (write.kind === 'put' ? write.value.text : undefined)),
  );
  expect(new Set(written).size, 'each value is written once').to.equal(written.length);
  expect(
    [...acknowledged].filter((value) => !written.includes(value)),
    'acknowledged and lost',
  ).to.deep.equal([]);
  expect(await verifyLedger(store)).to.include({ ok: true });
  return commits;
}

describe('processes on the embedded engine that are killed and frozen', () => {
  it('lose nothing that was acknowledged, and stay linearizable', async function () {
    this.timeout(TEST_MS_MAX);
    const engine = await createEmbeddedEngine();
    const process = await startMortalProcess({ engine: 'embedded', place: engine.dataDir });
    try {
      const state = await attack([process], [['get', 'put', 'swap']]);
      await process.end();
      await expectRight(await engine.open(), state);
    } finally {
      await process.end();
      await engine.destroy();
    }
  });
});

describeMongo('processes on a MongoDB server that are killed and frozen', (server) => {
  it('lose nothing that was acknowledged, stay linearizable, and follow without a gap', async function () {
    this.timeout(TEST_MS_MAX);
    const engine = createMongoEngine(server());
    const followed: number[][] = [[], []];
    const start = (log?: number[]) =>
      startMortalProcess({
        engine: 'mongo',
        place: engine.url,
        onFollowed: (revision) => log?.push(revision),
        onReady: (process) => void (log && process.call({ kind: 'follow', after: log.at(-1) ?? 0 }).catch(() => {})),
      });
    const processes = await Promise.all([start(), start(), start(), ...followed.map(start)]);
    try {
      const writes = ['put', 'swap', 'get'] as const;
      const state = await attack(processes, [writes, writes, writes, ['get'], ['get']]);
      const commits = await expectRight(await engine.open(), state);
      await untilFollowed(followed, commits.length);
      for (const revisions of followed) {
        expect(
          revisions.filter((revision, index) => revision !== index + 1),
          'gaps and repeats',
        ).to.deep.equal([]);
      }
    } finally {
      await Promise.all(processes.map((process) => process.end()));
      await engine.destroy();
    }
  });
});

async function untilFollowed(followed: readonly number[][], last: number): Promise<void> {
  while (followed.some((revisions) => (revisions.at(-1) ?? 0) < last)) await delay(20);
}
