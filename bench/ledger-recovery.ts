// The time to serve after kill -9 in the middle of writing, with a million documents on the embedded engine:
// `node dist/bench/ledger-recovery.js`
import { fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { createLedger } from '../src/ledger/ledger.js';
import { verifyLedger } from '../src/ledger/verify.js';
import { openEmbeddedStore } from '../src/store/embedded/open-embedded-store.js';
import { SILENT_LOGGER } from '../tests/support/silent-logger.js';
import { printLine } from './print-line.js';

const DOCUMENTS = 1_000_000;
const DOCUMENTS_PER_COMMIT = 500;

const [role, dataDir = ''] = process.argv.slice(2);
if (role === 'writer') await write(dataDir);
else await bench();

async function bench(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'keelson-bench-'));
  const writer = fork(fileURLToPath(import.meta.url), ['writer', directory]);
  const exited = new Promise((resolve) => void writer.once('exit', resolve));
  const start = performance.now();
  await new Promise((resolve) => void writer.once('message', resolve));
  const rate = ((DOCUMENTS / (performance.now() - start)) * 1_000).toFixed(0);
  writer.kill('SIGKILL');
  await exited;

  const began = performance.now();
  const passed = () => (performance.now() - began).toFixed(0);
  const store = await openEmbeddedStore({ dataDir: directory });
  const ledger = await createLedger({ store, logger: SILENT_LOGGER });
  const found = await ledger.get('orders', 'o-500000');
  const read = `first read (${found ? 'found' : 'missing'}) after ${passed()} ms`;
  await ledger.commit({ writes: [{ kind: 'put', collection: 'orders', id: 'o-1', value: {} }] });
  printLine(
    `recovery: ${DOCUMENTS} documents, written at ${rate}/s; after kill -9 ${read}, first commit after ${passed()} ms`,
  );
  const beforeVerify = performance.now();
  const { ok } = await verifyLedger(store);
  printLine(
    `verify: ${ok ? 'nothing wrong' : 'a fault'}, in ${((performance.now() - beforeVerify) / 1_000).toFixed(1)} s`,
  );
  await ledger.close();
  await store.close();
  await rm(directory, { recursive: true });
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
