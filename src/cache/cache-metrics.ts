/** Why a read could not be answered from a tier. */
export type MissCause = 'absent' | 'unproved' | 'unreadable';

/** Counts what a cache does. All numbers only grow. */
export interface CacheMetrics {
  nearHits: number;
  sharedHits: number;
  /** Reads that joined one that was under way. */
  joined: number;
  /** Reads that went to the database, by what the shared tier had: nothing, nothing provably current, or no sealed value. */
  readonly misses: Record<MissCause, number>;
}

export function createCacheMetrics(): CacheMetrics {
  return { nearHits: 0, sharedHits: 0, joined: 0, misses: { absent: 0, unproved: 0, unreadable: 0 } };
}
