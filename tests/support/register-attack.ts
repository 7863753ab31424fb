import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { verifyLedger } from '../../src/ledger/verify.js';
import { decodeCommits } from '../../src/store/entry.js';
import type { Store } from '../../src/store/store.js';
import { findUnexplained, type LoggedWrite } from './explain-reads.js';
import type { JsonObject } from '../../src/store/json-value.js';
import { findViolations } from './linearizability.js';
import { createRandom } from './random.js';
import type { RedisNemesis } from './redis-nemesis.js';
import { REGISTER } from './register.js';
import { type Recording, type RegisterTarget, runRegisterClient } from './register-clients.js';
import { seed } from './seed.js';
import { BUSY_MS_MAX, endOfAttack } from './soak.js';

const CLIENTS_PER_PROCESS = 4;
const KILL_EVERY_MS_MAX = 2_000;
const KILLS_MIN = 2;
const CALLS_MIN = 200;

/** What an attack takes beyond its time at most: starting, stopping, and searching the history of what was done. */
export const AROUND_ATTACK_MS_MAX = BUSY_MS_MAX + 40_000;

/** A process that is killed and started again while clients call it. */
export interface Victim {
  readonly target: RegisterTarget;
  /** Kills it as a power cut would, and starts it again. */
  restart(): Promise<void>;
}

export interface RegisterAttack {
  readonly victims: readonly Victim[];
  /** What becomes of Redis meanwhile. */
  readonly nemesis?: RedisNemesis | undefined;
  /** How long it lasts, unless there is to be a soak. */
  readonly usualMs: number;
}

export interface AttackResult extends Recording {
  readonly kills: number;
}

/** Lets clients call processes while these are killed and started again, and Redis is harassed. */
export async function attackRegisters({ victims, nemesis, usualMs }: RegisterAttack): Promise<AttackResult> {
  const random = createRandom(seed());
  const recording: Recording = { history: [], reads: [], acknowledged: new Set() };
  const targets = victims.map(({ target }) => target);
  let kills = 0;
  const isOver = endOfAttack(usualMs, () => kills >= KILLS_MIN && recording.history.length >= CALLS_MIN);
  const harass = async () => {
    while (!isOver()) {
      await delay(random() * KILL_EVERY_MS_MAX);
      const victim = victims[Math.floor(random() * victims.length)];
      await victim?.restart();
      kills += 1;
    }
  };
  const clients = Array.from({ length: victims.length * CLIENTS_PER_PROCESS }, (_, index) =>
    runRegisterClient({ name: `${index}`, targets, random, recording, isOver }),
  );
  await Promise.all([...clients, harass(), nemesis?.harass(isOver)]);
  const played = nemesis === undefined ? '' : `; Redis: ${JSON.stringify(nemesis.played)}`;
  const { history, reads } = recording;
  process.stdout.write(`${history.length} calls in histories, ${reads.length} reads, ${kills} kills${played}\n`);
  return { ...recording, kills };
}

/** How the values that clients wrote stand in the log. */
export interface RegisterLog {
  readonly store: Store;
  readonly collection: string;
  /** The key of the clients. */
  readonly keyOf: (id: string) => string;
  readonly textOf: (value: JsonObject) => string;
}

/** Holds what clients saw against what a single copy could have told them, and against the log. */
export async function expectRight(result: AttackResult, log: RegisterLog): Promise<void> {
  expect(result.kills, 'kills').to.be.at.least(KILLS_MIN);
  expect(result.history.length, 'calls').to.be.at.least(CALLS_MIN);
  expect(findViolations(result.history, REGISTER)).to.deep.equal([]);
  await expectExplained(result, log);
}

/** Holds what clients read, and what they were told is written, against the log. */
export async function expectExplained(
  { reads, acknowledged }: Pick<Recording, 'reads' | 'acknowledged'>,
  log: RegisterLog,
): Promise<void> {
  const writes = await readWrites(log);
  const written = writes.map(({ text }) => text).filter((text) => text !== '');
  expect(findUnexplained(reads, writes), 'reads of what was not, or was no more').to.deep.equal([]);
  expect(new Set(written).size, 'each value is written once').to.equal(written.length);
  expect(
    [...acknowledged].filter((value) => !written.includes(value)),
    'acknowledged and lost',
  ).to.deep.equal([]);
  expect(await verifyLedger(log.store)).to.include({ ok: true });
}

async function readWrites({ store, collection, keyOf, textOf }: RegisterLog): Promise<readonly LoggedWrite[]> {
  const found: LoggedWrite[] = [];
  for (let after = 0; ;) {
    const entries = await store.readEntries(after, 1_000);
    if (entries.length === 0) return found;
    for (const { revision, writes } of entries.flatMap(decodeCommits)) {
      for (const write of writes) {
        if (write.collection !== collection) continue;
        found.push({ key: keyOf(write.id), text: write.kind === 'put' ? textOf(write.value) : '', revision });
      }
    }
    after = entries.at(-1)?.last ?? after;
  }
}
