/** A signal that aborts with the first of several. */
export interface CombinedSignal {
  /** Undefined where there was none to combine. */
  readonly signal: AbortSignal | undefined;
  /** Unlinks it from its sources, which may live much longer. */
  readonly release: () => void;
}

const NOTHING_TO_RELEASE: () => void = () => undefined;

/** AbortSignal.any() has leaked on signals that outlive what they are combined for. */
export function combineSignals(first: AbortSignal | undefined, second: AbortSignal | undefined): CombinedSignal {
  if (first === undefined || second === undefined) return { signal: first ?? second, release: NOTHING_TO_RELEASE };
  const controller = new AbortController();
  const abort = () => controller.abort();
  for (const source of [first, second]) {
    source.addEventListener('abort', abort, { once: true });
    if (source.aborted) abort();
  }
  return {
    signal: controller.signal,
    release: () => {
      for (const source of [first, second]) source.removeEventListener('abort', abort);
    },
  };
}
