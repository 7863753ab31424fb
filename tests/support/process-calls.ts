/** The collection of such a process. */
export const REGISTERS = 'registers';

/** What a test asks of a process with a ledger. */
export type ProcessCall =
  | {
      readonly kind: 'get';
      readonly key: string;
      /** Default: the newest. */
      readonly freshness?: 'any' | number;
    }
  | { readonly kind: 'put'; readonly key: string; readonly value: string }
  | { readonly kind: 'swap'; readonly key: string; readonly value: string }
  /** Safe to repeat, as `put` is: the request names it. */
  | { readonly kind: 'remove'; readonly key: string; readonly request: string }
  /** Gets the key that many times at once; its output is how often the text of the first was seen. */
  | { readonly kind: 'get many'; readonly key: string; readonly times: number }
  | { readonly kind: 'count' }
  | { readonly kind: 'follow'; readonly after: number };

export interface ProcessRequest {
  readonly id: number;
  readonly call: ProcessCall;
}

/** What a process has counted since it began. */
export interface ProcessCounts {
  readonly nearHits: number;
  readonly sharedHits: number;
  readonly joined: number;
  readonly misses: number;
  /** Reads of documents of the test's collection from the database. */
  readonly databaseReads: number;
}

export interface ProcessOutput {
  /** What was read; of `count`, the ProcessCounts as JSON. */
  readonly output: string;
  /** A revision that has what this call read or wrote. */
  readonly token: number;
}

export type ProcessAnswer =
  | { readonly kind: 'ready' }
  | ({ readonly kind: 'output'; readonly id: number } & ProcessOutput)
  | { readonly kind: 'failure'; readonly id: number; readonly message: string }
  | { readonly kind: 'followed'; readonly revision: number };

/** How a process caches; it does not, unless it is told to. */
export interface ProcessCache {
  /** Without it the near tier works alone. */
  readonly redisUrl?: string;
  /** How long a read waits for Redis. */
  readonly budgetMs?: number;
  readonly nearBytesMax?: number;
}
