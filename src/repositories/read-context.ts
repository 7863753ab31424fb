import type { HeldDocument, Ledger } from '../ledger/ledger.js';
import type { ReadOptions } from '../ledger/reads.js';
import type { CallConsistency } from '../rpc/context.js';

/** For whom something is read. The context of a call is one: what it has to see, and how long it waits, comes from there. */
export interface ReadContext {
  readonly signal?: AbortSignal | undefined;
  /** Without it everything is read as it is now. */
  readonly consistency?: Pick<CallConsistency, 'freshness' | 'saw'> & Partial<Pick<CallConsistency, 'caughtUp'>>;
}

type Read<T> = (options: ReadOptions) => Promise<T>;

/** Reads as new as the context asks, and tells it what it saw: a resource that is missing is something seen, too. */
export async function readFor<T>(ledger: Pick<Ledger, 'revision'>, context: ReadContext, read: Read<T>): Promise<T> {
  const { consistency } = context;
  const freshness = consistency?.freshness ?? 'latest';
  try {
    const result = await read({
      freshness,
      // The signal of a call is made when it is asked for, and most reads of what is held never ask.
      get signal() {
        return context.signal;
      },
    });
    if (freshness === 'latest') consistency?.caughtUp?.(ledger.revision());
    return result;
  } finally {
    // No read shows more than the process has followed by the time it is answered.
    consistency?.saw(ledger.revision());
  }
}

/**
 * Tells whether what this process holds is as new as the context asks, without a look at the log; the context is told what it
 * sees then.
 */
export function seesHeld(ledger: Pick<Ledger, 'revision' | 'hasReached'>, { consistency }: ReadContext): boolean {
  const freshness = consistency?.freshness ?? 'latest';
  if (!ledger.hasReached(freshness)) return false;
  const revision = ledger.revision();
  if (freshness === 'latest') consistency?.caughtUp?.(revision);
  consistency?.saw(revision);
  return true;
}

/** Gives a document that is held and as new as the context asks; undefined where something has to be waited for. */
export function readHeld(
  ledger: Pick<Ledger, 'getHeld' | 'revision' | 'hasReached'>,
  { collection, id }: { readonly collection: string; readonly id: string },
  context: ReadContext,
): HeldDocument | undefined {
  const held = ledger.getHeld?.(collection, id, context.consistency?.freshness);
  return held !== undefined && seesHeld(ledger, context) ? held : undefined;
}
