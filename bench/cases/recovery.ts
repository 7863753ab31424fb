import { fork } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { createLedger } from '../../src/ledger/ledger.js';
import { verifyLedger } from '../../src/ledger/verify.js';
import { openEmbeddedStore } from '../../src/store/embedded/open-embedded-store.js';
import { SILENT_LOGGER } from '../../tests/support/silent-logger.js';
import type { Bench, BenchCase } from '../bench.js';
import { resultOf, type Result } from '../result.js';

const DOCUMENTS = 1_000_000;
const DOCUMENTS_PER_COMMIT = 500;

const WRITER = 'write-until-killed';

// This file is also what the case runs in the process that is killed.
const [role, dataDir = ''] = process.argv.slice(2);
if (role === WRITER) await write(dataDir);

export const recovery: BenchCase = {
  name: 'recovery',
  about: `the time to serve after kill -9 in the middle of writing, with ${DOCUMENTS} documents on the embedded engine`,
  run: async (bench) => [await recover(bench)],
};

async function recover(bench: Bench): Promise<Result> {
  const directory = await bench.folder();
  const writer = fork(fileURLToPath(import.meta.url), [WRITER, directory]);
  const exited = new Promise((resolve) => void writer.once('exit', resolve));
  const start = performance.now();
  await new Promise((resolve) => void writer.once('message', resolve));
  const writtenPerSecond = (DOCUMENTS / (performance.now() - start)) * 1_000;
  writer.kill('SIGKILL');
  await exited;

  const began = performance.now();
  const store = await openEmbeddedStore({ dataDir: directory });
  const ledger = await createLedger({ store, logger: SILENT_LOGGER });
  if ((await ledger.get('orders', 'o-500000')) === undefined) throw new Error('A document is missing');
  const firstReadMs = performance.now() - began;
  await ledger.commit({ writes: [{ kind: 'put', collection: 'orders', id: 'o-1', value: {} }] });
  const firstCommitMs = performance.now() - began;
  const beforeVerify = performance.now();
  const { ok } = await verifyLedger(store);
  if (!ok) throw new Error('The log has a fault');
  const verifySeconds = (performance.now() - beforeVerify) / 1_000;
  await ledger.close();
  await store.close();
  return resultOf('recovery', 'keelson', { figures: { writtenPerSecond, firstReadMs, firstCommitMs, verifySeconds } });
}

async function write(place: string): Promise<void> {
  const store = await openEmbeddedStore({ dataDir: place });
  const ledger = await createLedger({ store, logger: SILENT_LOGGER });
  await ledger.declareCollections(['orders']);
  for (let first = 0; ; first += DOCUMENTS_PER_COMMIT) {
    const writes = Array.from({ length: DOCUMENTS_PER_COMMIT }, (_, n) => ({
      kind: 'put' as const,
      collection: 'orders',
      id: `o-${(first + n) % DOCUMENTS}`,
      value: { customer: `c-${n}`, lines: [{ sku: 'a', count: 1 }], paid: false, number: first + n },
    }));
    await ledger.commit({ writes });
    // It goes on writing until it is killed.
    if (first + DOCUMENTS_PER_COMMIT === DOCUMENTS) process.send?.('full');
  }
}
