import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findCores, type Cores } from './machine.js';
import { summarize, type Result, type Sample } from './result.js';

/** How long a case measures. */
export interface Effort {
  readonly rounds: number;
  readonly roundMs: number;
  readonly warmUpMs: number;
}

export const FULL: Effort = { rounds: 9, roundMs: 3_000, warmUpMs: 5_000 };
/** Under a minute a case. */
export const QUICK: Effort = { rounds: 7, roundMs: 700, warmUpMs: 1_500 };

/** One thing that is measured. */
export interface BenchCase {
  readonly name: string;
  /** What it measures, in a line. */
  readonly about: string;
  run(bench: Bench): Promise<readonly Result[]>;
}

/** A system that takes part in a case. */
export interface Contender {
  readonly system: string;
  /** Loads it for about so long, and says what came of it. */
  readonly load: (durationMs: number) => Promise<Sample>;
}

/** What a case works with. What it opens is closed after it. */
export class Bench {
  readonly effort: Effort;
  readonly cores: Cores = findCores();
  readonly #closers: (() => Promise<unknown>)[] = [];

  readonly #only: readonly string[] | undefined;

  /** Where `only` is given, systems other than those, and Keelson itself, stay out. */
  constructor(effort: Effort, only?: readonly string[]) {
    this.effort = effort;
    this.#only = only;
  }

  /** Tells whether a system takes part. */
  wants(system: string): boolean {
    return this.#only === undefined || this.#only.includes(system);
  }

  /** Writes a line for people. */
  say(line: string): void {
    process.stderr.write(`${line}\n`);
  }

  /** Has something closed after the case, the newest first. */
  closing<T extends { stop(): Promise<unknown> }>(opened: T): T {
    this.#closers.push(() => opened.stop());
    return opened;
  }

  /** Makes a folder that is removed after the case. */
  async folder(): Promise<string> {
    const path = await mkdtemp(join(tmpdir(), 'keelson-bench-'));
    this.#closers.push(() => rm(path, { recursive: true, force: true }));
    return path;
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).toReversed()) await close();
  }

  /** Lets the systems run in turns, A B C A B C, so that whatever else the machine does meets all of them. */
  async compare(caseName: string, contenders: readonly Contender[]): Promise<Result[]> {
    const { rounds, roundMs, warmUpMs } = this.effort;
    for (const { load } of contenders) await load(warmUpMs);
    const samples = new Map(contenders.map(({ system }) => [system, [] as Sample[]]));
    for (let round = 0; round < rounds; round += 1) {
      for (const { system, load } of contenders) samples.get(system)?.push(await load(roundMs));
      this.say(`  ${caseName}: round ${round + 1} of ${rounds}`);
    }
    return summarize(caseName, samples);
  }
}
