/** Bounds how long many things of one kind may take, with one timer for all: they come and go thousands of times a second. */
export interface Patience<K extends object> {
  /** Settles as the promise does, or rejects with what `tooLate` makes when that takes too long. One at a time a key. */
  limit<T>(key: K, promise: Promise<T>, tooLate: () => Error): Promise<T>;
  /** Stops the timer. What is still waited for settles with its promise. */
  close(): void;
}

interface Waiting {
  readonly sinceMs: number;
  readonly giveUp: () => void;
}

/** Looks at what it waits for this many times in each timeout: nothing waits for more than a quarter longer. */
const LOOKS_PER_TIMEOUT = 4;

export function createPatience<K extends object>(timeoutMs: number): Patience<K> {
  // A map keeps the order of insertion: the first has waited the longest.
  const waiting = new Map<K, Waiting>();
  const timer = setInterval(() => {
    const beforeMs = performance.now() - timeoutMs;
    for (const [key, { sinceMs, giveUp }] of waiting) {
      if (sinceMs > beforeMs) break;
      waiting.delete(key);
      giveUp();
    }
  }, timeoutMs / LOOKS_PER_TIMEOUT);
  timer.unref();
  return {
    limit: (key, promise, tooLate) =>
      new Promise((resolve, reject) => {
        waiting.set(key, { sinceMs: performance.now(), giveUp: () => reject(tooLate()) });
        promise.then(
          (value) => {
            waiting.delete(key);
            resolve(value);
          },
          (err: unknown) => {
            waiting.delete(key);
            reject(err);
          },
        );
      }),
    close: () => clearInterval(timer),
  };
}
