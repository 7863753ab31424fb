import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbeddedStore } from '../../src/store/embedded/open-embedded-store.js';
import type { Store } from '../../src/store/store.js';
import type { Engine } from './engine.js';

/** A database of the embedded engine in a directory of its own. */
export async function createEmbeddedEngine(): Promise<Engine & { readonly dataDir: string }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'keelson-'));
  const opened = new Set<Store>();
  return {
    dataDir,
    open: async () => {
      const store = await openEmbeddedStore({ dataDir });
      opened.add(store);
      return store;
    },
    destroy: async () => {
      for (const store of opened) await store.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
