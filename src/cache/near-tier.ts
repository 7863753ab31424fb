import { LRUCache } from 'lru-cache';

/** What an entry takes beside its encoded value, roughly: its key twice, its bookkeeping, the objects of the value. */
const ENTRY_OVERHEAD_BYTES = 512;

/** What is known under a key: a value, or that there is none. */
export interface Known<V> {
  readonly value: V | undefined;
}

/** Holds what was used last, up to a number of bytes. */
export class NearTier<V> {
  readonly #entries: LRUCache<string, Known<V>>;

  constructor(bytesMax: number) {
    this.#entries = new LRUCache({ maxSize: bytesMax });
  }

  get bytes(): number {
    return this.#entries.calculatedSize;
  }

  get(key: string): Known<V> | undefined {
    return this.#entries.get(key);
  }

  /** A value that alone is larger than the tier is not kept. */
  set(key: string, known: Known<V>, encodedBytes: number): void {
    this.#entries.set(key, known, { size: ENTRY_OVERHEAD_BYTES + encodedBytes });
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
  }
}
