/**
 * A store beside the process that other processes share, such as Redis. It is never trusted: whatever it answers is
 * proved before use. It never throws, and never takes longer than its budget.
 */
export interface SharedTier {
  /** Gives the bytes, or undefined: there are none, or it could not be asked in time. */
  get(key: string): Promise<Uint8Array | undefined>;
  /** Offers bytes to be kept. They may be dropped at any time, or at once. */
  offer(key: string, bytes: Uint8Array): void;
  /** Whether it is asked at all: while it is away, or does not answer in time, every read of it is a miss at once. */
  isAvailable(): boolean;
  /** Whether calls are kept from it for a while, because it did not answer in time. */
  isCircuitOpen(): boolean;
}
