import { setTimeout as delay } from 'node:timers/promises';

/** Waits before attempt number `attempt` (from 1): a random time whose bound doubles from `firstMs` up to `longestMs`. */
export async function pause(attempt: number, options: PauseOptions): Promise<void> {
  const boundMs = Math.min(options.longestMs, options.firstMs * 2 ** (attempt - 1));
  await delay(Math.random() * boundMs, undefined, { signal: options.signal });
}

export interface PauseOptions {
  readonly firstMs: number;
  readonly longestMs: number;
  /** Ends the wait with an AbortError. */
  readonly signal?: AbortSignal | undefined;
}
