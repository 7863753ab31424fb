import type { VersionedSource } from './versioned-source.js';

/** A value, or none, as it was at a revision. */
export interface KeyRead<V> {
  readonly revision: number;
  readonly value: V | undefined;
}

interface Waiting<V> {
  readonly key: string;
  readonly resolve: (read: KeyRead<V>) => void;
  readonly reject: (err: unknown) => void;
}

/** Keys in one read of the source at most. */
const BATCH_KEYS_MAX = 500;

/** Reads single keys; those that are asked for in one turn of the event loop share one read of the source. */
export function createBatchReader<V>(
  source: Pick<VersionedSource<V>, 'check' | 'read'>,
): (key: string) => Promise<KeyRead<V>> {
  let waiting: Waiting<V>[] = [];

  const flush = () => {
    const batch = waiting;
    waiting = [];
    for (let start = 0; start < batch.length; start += BATCH_KEYS_MAX) {
      void readBatch(source, batch.slice(start, start + BATCH_KEYS_MAX));
    }
  };

  return (key) =>
    new Promise((resolve, reject) => {
      source.check(key);
      if (waiting.length === 0) setImmediate(flush);
      waiting.push({ key, resolve, reject });
    });
}

async function readBatch<V>(source: Pick<VersionedSource<V>, 'read'>, batch: readonly Waiting<V>[]): Promise<void> {
  try {
    const { revision, values } = await source.read(batch.map(({ key }) => key));
    for (const [index, { resolve }] of batch.entries()) resolve({ revision, value: values[index] });
  } catch (err) {
    for (const { reject } of batch) reject(err);
  }
}
