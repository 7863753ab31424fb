import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { createLedger } from '../ledger/ledger.js';
import { Cleanups } from '../lifecycle.js';
import { openOwnServices } from '../own-services.js';
import { DESCRIPTOR_IMAGE } from '../package-files.js';
import type { DeclarableResource } from '../repositories/resource.js';
import { readDescriptorImage } from '../rpc/descriptors.js';
import { openEmbeddedStore } from '../store/embedded/open-embedded-store.js';

/**
 * The indexes that all services of this release declare. It opens them on an empty database in a folder of its own, which it
 * removes, and listens: no second list can fall behind what a start does.
 */
export async function readDeclaredIndexes(): Promise<readonly DeclarableResource[]> {
  const dataDir = await mkdtemp(join(tmpdir(), 'keelson-doctor-'));
  const log = pino({ enabled: false });
  const cleanups = new Cleanups();
  cleanups.add('folder', () => rm(dataDir, { recursive: true, force: true }));
  try {
    return await listen(dataDir, { log, cleanups });
  } finally {
    await cleanups.run(log);
  }
}

async function listen(
  dataDir: string,
  { log, cleanups }: { readonly log: pino.Logger; readonly cleanups: Cleanups },
): Promise<readonly DeclarableResource[]> {
  const store = await openEmbeddedStore({ dataDir });
  cleanups.add('store', () => store.close());
  const ledger = await createLedger({ store, logger: log });
  cleanups.add('ledger', () => ledger.close());
  const declared: DeclarableResource[] = [];
  const config = { dataDir, masterKey: undefined, storeUrl: undefined, issuer: 'doctor' };
  const listening = {
    ...ledger,
    declareIndexes: async (...[collection, indexes]: Parameters<typeof ledger.declareIndexes>) =>
      void declared.push({ collection, indexes }),
  };
  const registry = readDescriptorImage(await readFile(DESCRIPTOR_IMAGE));
  await openOwnServices({ config, ledger: listening, registry, clock: { now: () => Date.now() }, log, cleanups });
  return declared;
}
