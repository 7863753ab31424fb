import { answerStoreCalls } from '../../src/store/remote/answer-store-calls.js';
import { openRemoteStore } from '../../src/store/remote/open-remote-store.js';
import type { Store } from '../../src/store/store.js';
import { createEmbeddedEngine } from './embedded-engine.js';
import type { Engine } from './engine.js';
import { createLinePair, type LinePair } from './line-pair.js';

/** A database of the embedded engine that one process has open and another uses. */
export async function createRemoteEngine(): Promise<Engine> {
  const embedded = await createEmbeddedEngine();
  const lines = new Set<LinePair>();
  let owned: Store | undefined;
  let users = 0;

  async function open(): Promise<Store> {
    owned ??= await embedded.open();
    users += 1;
    const line = createLinePair();
    lines.add(line);
    const unserve = answerStoreCalls(line.far, owned);
    const store = await openRemoteStore(line.near);
    let isOpen = true;
    const close = async () => {
      await store.close();
      if (!isOpen) return;
      isOpen = false;
      unserve();
      line.close();
      lines.delete(line);
      users -= 1;
      if (users > 0) return;
      const last = owned;
      owned = undefined;
      await last?.close();
    };
    return { ...store, close };
  }

  return {
    tamper: embedded.tamper,
    open,
    destroy: async () => {
      for (const line of lines) line.close();
      await embedded.destroy();
    },
  };
}
