import { setTimeout as delay } from 'node:timers/promises';
import type { Position, Store } from '../../src/store/store.js';

/** Nobody waits for the shared watermark, so it comes a moment later. */
export async function untilApplied(store: Store, revision: number): Promise<Position> {
  for (;;) {
    const applied = await store.readApplied();
    if (applied.revision >= revision) return applied;
    await delay(1);
  }
}
