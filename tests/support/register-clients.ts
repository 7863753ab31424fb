import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { ObservedRead } from './explain-reads.js';
import type { Operation } from './linearizability.js';
import type { RegisterInput } from './register.js';

// Fresh documents every so often keep each history short enough to be searched.
const EPOCH_MS = 500;
const KEYS = 3;
const PAUSE_MS_MAX = 8;
const RETRY_MS = 5;

/** What a call has read, and a revision that has what it read or wrote. */
export interface Seen {
  readonly text: string;
  readonly token: number;
}

/** A process under attack, as its clients see it. Every call rejects if the process fails it or dies over it. */
export interface RegisterTarget {
  get(key: string, freshness?: 'any' | number): Promise<Seen>;
  /** `request` makes it safe to repeat, at any process. */
  put(key: string, value: string, request: string): Promise<Seen>;
  /** Gives what it replaced; '' for nothing. Resolves to undefined if it is certain that it changed nothing. */
  swap(key: string, value: string): Promise<Seen | undefined>;
  remove(key: string, request: string): Promise<Seen>;
}

/** What clients did, as they saw it. Times are of the clients' process, so they compare whichever process answered. */
export interface Recording {
  /** What has to be linearizable: writes, and reads that asked for no less. */
  readonly history: Operation<RegisterInput, string>[];
  /** Every read, with what it had to have seen at least. */
  readonly reads: ObservedRead[];
  /** The values whose writes were acknowledged; each is written by one call only. */
  readonly acknowledged: Set<string>;
}

export interface RegisterClient {
  readonly name: string;
  readonly targets: readonly RegisterTarget[];
  readonly random: () => number;
  readonly recording: Recording;
  readonly isOver: () => boolean;
}

type Kind = 'get' | 'get at least' | 'get any' | 'put' | 'swap' | 'remove';

const MIX: readonly (readonly [Kind, number])[] = [
  ['get', 0.48],
  ['get at least', 0.15],
  ['get any', 0.1],
  ['put', 0.13],
  ['swap', 0.08],
  ['remove', 0.06],
];

/** Calls one process after another, and carries on from each what the next has to have seen. */
export async function runRegisterClient(client: RegisterClient): Promise<void> {
  const { name, random, isOver, targets } = client;
  let token = 0;
  for (let count = 0; !isOver(); count += 1) {
    const key = `${Math.floor(performance.now() / EPOCH_MS)}-${Math.floor(random() * KEYS)}`;
    const target = targets[Math.floor(random() * targets.length)];
    if (target === undefined) throw new Error('There is nothing to call');
    const seen = await call(client, { kind: choose(random()), key, value: `${name}.${count}`, token, target });
    token = Math.max(token, seen?.token ?? 0);
    await delay(random() * PAUSE_MS_MAX);
  }
}

interface Call {
  readonly kind: Kind;
  readonly key: string;
  readonly value: string;
  readonly token: number;
  readonly target: RegisterTarget;
}

function choose(number: number): Kind {
  let below = 0;
  return MIX.find(([, share]) => number < (below += share))?.[0] ?? 'get';
}

function call(client: RegisterClient, made: Call): Promise<Seen | undefined> {
  switch (made.kind) {
    case 'get':
      return read(client, made, undefined);
    case 'get at least':
      return read(client, made, made.token);
    case 'get any':
      return read(client, made, 'any');
    case 'put':
      return write(client, made, { kind: 'put', value: made.value });
    case 'remove':
      return write(client, made, { kind: 'put', value: '' });
    case 'swap':
      return swap(client, made);
  }
}

async function read({ recording }: RegisterClient, made: Call, freshness: 'any' | number | undefined) {
  const { key, token, target } = made;
  const start = performance.now();
  const seen = await target.get(key, freshness).catch(() => undefined);
  // A read that was not answered tells nothing.
  if (seen === undefined) return undefined;
  const { text } = seen;
  if (freshness === undefined) {
    recording.history.push({ key, input: { kind: 'get' }, output: text, start, end: performance.now() });
  }
  recording.reads.push({ key, text, atLeast: freshness === 'any' ? 0 : token });
  return seen;
}

/** It names its request, so it may ask until it knows, and ask another process each time. */
async function write(
  { recording, targets, random }: RegisterClient,
  made: Call,
  input: RegisterInput & { kind: 'put' },
) {
  const { key, value } = made;
  const start = performance.now();
  for (let target = made.target; ; target = targets[Math.floor(random() * targets.length)] ?? made.target) {
    try {
      const seen = await (made.kind === 'put' ? target.put(key, value, value) : target.remove(key, value));
      recording.history.push({ key, input, output: '', start, end: performance.now() });
      if (input.value !== '') recording.acknowledged.add(input.value);
      return seen;
    } catch {
      await delay(RETRY_MS);
    }
  }
}

/** Not to be repeated: if it is not answered, nobody knows whether it happened. */
async function swap({ recording }: RegisterClient, { key, value, target }: Call) {
  const start = performance.now();
  const record = (output: string | undefined, end: number) =>
    recording.history.push({ key, input: { kind: 'swap', value }, output, start, end });
  try {
    const seen = await target.swap(key, value);
    if (seen === undefined) return undefined;
    record(seen.text, performance.now());
    recording.acknowledged.add(value);
    return seen;
  } catch {
    record(undefined, Infinity);
    return undefined;
  }
}
