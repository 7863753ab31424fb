import type { JsonObject } from './json-value.js';

/** Names a lease document. */
export interface LeaseName {
  /** What kind of thing it is: `sessions`. */
  readonly kind: string;
  readonly id: string;
}

/**
 * A document that is hot and lives alone: a token family, a claim on a job. It is not in the log; what it ends as is
 * journaled by whoever ends it.
 */
export interface Lease extends LeaseName {
  /** Grows with every change, so that of two who change it, one finds out; never the same again for an id. */
  readonly fence: number;
  readonly value: JsonObject;
  /** Milliseconds since 1970. Some time later it is removed; until then, only whoever reads it goes by it. */
  readonly expireTime: number;
}

/** A change of a lease that takes place only if nobody changed it since it was read. */
export interface LeaseSwap extends LeaseName {
  /** The fence that was read; undefined if there was no such lease. */
  readonly fence: number | undefined;
  readonly value: JsonObject;
  readonly expireTime: number;
}

/** `lost` means that the lease is not as it was read, and stays as it is. */
export type SwapOutcome = 'swapped' | 'lost';

export interface LeaseScan {
  readonly kind: string;
  /** Only ids that begin with this. */
  readonly prefix: string;
  /** Only ids behind this one. Empty for all. */
  readonly after: string;
  readonly limit: number;
}

/** The first fence of a lease: a lease that is made anew expires later than the one before, and so begins above it. */
export function firstFence({ expireTime }: Pick<LeaseSwap, 'expireTime'>): number {
  return Math.max(1, Math.floor(expireTime));
}
