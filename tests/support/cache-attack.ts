import { type MortalProcess, type MortalProcessOptions, startMortalProcess } from './mortal-process.js';
import { type ProcessCounts, REGISTERS } from './process-calls.js';
import { type AttackResult, attackRegisters, type RegisterLog, type Victim } from './register-attack.js';
import type { RegisterTarget } from './register-clients.js';
import type { Store } from '../../src/store/store.js';
import type { RedisNemesis } from './redis-nemesis.js';

/** How long an attack lasts in a run of all tests. */
export const CACHE_ATTACK_MS = 6_000;
/**
 * A near tier so small that it has to let go of what is in use, and a patience that a busy machine does not exhaust, so
 * that Redis gets its share of the reads.
 */
export const LEANING_ON_REDIS = { nearBytesMax: 4 * 1024, budgetMs: 100 } as const;

export interface CacheAttack {
  readonly processes: readonly MortalProcessOptions[];
  readonly nemesis?: RedisNemesis;
}

export interface CacheAttackResult extends AttackResult {
  /** Summed over all processes, the killed ones too. */
  readonly counts: ProcessCounts;
}

/** Starts processes with ledgers that cache, attacks them and ends them, whatever comes of it. */
export async function attackCaches({ processes: options, nemesis }: CacheAttack): Promise<CacheAttackResult> {
  const counts = { nearHits: 0, sharedHits: 0, joined: 0, misses: 0, databaseReads: 0 };
  const processes: MortalProcess[] = [];
  try {
    for (const one of options) processes.push(await startMortalProcess(one));
    const victims = processes.map((process) => toVictim(process, counts));
    const result = await attackRegisters({ victims, nemesis, usualMs: CACHE_ATTACK_MS });
    for (const process of processes) await addCounts(counts, process);
    globalThis.process.stdout.write(`${JSON.stringify(counts)}\n`);
    return { ...result, counts };
  } finally {
    await Promise.all(processes.map((process) => process.end()));
  }
}

function toVictim(process: MortalProcess, counts: Record<keyof ProcessCounts, number>): Victim {
  return {
    target: toTarget(process),
    restart: async () => {
      await addCounts(counts, process);
      await process.restart();
    },
  };
}

function toTarget(process: MortalProcess): RegisterTarget {
  const seen = async (call: Parameters<MortalProcess['ask']>[0]) => {
    const { output, token } = await process.ask(call);
    return { text: output, token };
  };
  return {
    get: (key, freshness) => seen({ kind: 'get', key, ...(freshness !== undefined && { freshness }) }),
    put: (key, value) => seen({ kind: 'put', key, value }),
    swap: (key, value) => seen({ kind: 'swap', key, value }),
    remove: (key, request) => seen({ kind: 'remove', key, request }),
  };
}

async function addCounts(sum: Record<keyof ProcessCounts, number>, process: MortalProcess): Promise<void> {
  const counts = JSON.parse(await process.call({ kind: 'count' })) as ProcessCounts;
  for (const [name, count] of Object.entries(counts) as [keyof ProcessCounts, number][]) sum[name] += count;
}

/** The log of the registers of processes with ledgers. */
export function registersOf(store: Store): RegisterLog {
  return {
    store,
    collection: REGISTERS,
    keyOf: (id) => id,
    textOf: ({ text }) => (typeof text === 'string' ? text : ''),
  };
}
