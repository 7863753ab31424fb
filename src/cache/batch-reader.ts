import type { VersionedSource } from './versioned-source.js';

/** A value, or none, as it was at a revision. */
export interface KeyRead<V> {
  readonly revision: number;
  readonly value: V | undefined;
}

interface Waiting<V> {
  readonly key: string;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (read: KeyRead<V>) => void;
  readonly reject: (err: unknown) => void;
}

/** Reads one key. What is shared with other keys goes on until nobody wants any of them. */
export type ReadKey<V> = (key: string, signal: AbortSignal | undefined) => Promise<KeyRead<V>>;

/** Keys in one read of the source at most. */
const BATCH_KEYS_MAX = 500;

/** Reads single keys; those that are asked for in one turn of the event loop share one read of the source. */
export function createBatchReader<V>(source: Pick<VersionedSource<V>, 'check' | 'read'>): ReadKey<V> {
  let waiting: Waiting<V>[] = [];

  const flush = () => {
    const batch = waiting.filter(isWanted);
    waiting = [];
    for (let start = 0; start < batch.length; start += BATCH_KEYS_MAX) {
      void readBatch(source, batch.slice(start, start + BATCH_KEYS_MAX));
    }
  };

  return (key, signal) =>
    new Promise((resolve, reject) => {
      source.check(key);
      if (waiting.length === 0) setImmediate(flush);
      waiting.push({ key, signal, resolve, reject });
    });
}

function isWanted({ signal, reject }: Pick<Waiting<unknown>, 'signal' | 'reject'>): boolean {
  if (signal?.aborted === true) reject(signal.reason);
  return signal?.aborted !== true;
}

async function readBatch<V>(source: Pick<VersionedSource<V>, 'read'>, batch: readonly Waiting<V>[]): Promise<void> {
  try {
    const keys = batch.map(({ key }) => key);
    const { revision, values } = await source.read(keys, { signal: whenAllAbort(batch.map(({ signal }) => signal)) });
    for (const [index, { resolve }] of batch.entries()) resolve({ revision, value: values[index] });
  } catch (err) {
    for (const { reject } of batch) reject(err);
  }
}

/** Undefined where one of them never does. None of them may outlive what is done with the result: they keep listeners. */
function whenAllAbort(signals: readonly (AbortSignal | undefined)[]): AbortSignal | undefined {
  const [only, ...others] = signals;
  if (others.length === 0) return only;
  const all = new AbortController();
  let left = signals.length;
  const leave = () => {
    left -= 1;
    if (left === 0) all.abort();
  };
  for (const signal of signals) {
    if (signal === undefined) return undefined;
    signal.addEventListener('abort', leave, { once: true });
  }
  return all.signal;
}
