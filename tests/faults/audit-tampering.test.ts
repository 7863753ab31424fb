import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { AuditEntry } from '../../gen/keelson/audit/v1/audit_service.js';
import { createLedger, type Ledger } from '../../src/ledger/ledger.js';
import { verifyLedger } from '../../src/ledger/verify.js';
import { DESCRIPTOR_IMAGE } from '../../src/package-files.js';
import { openAuditEntries } from '../../src/repositories/audit-entries.js';
import { readDescriptorImage } from '../../src/rpc/descriptors.js';
import { toTimestamp } from '../../src/services/timestamp.js';
import type { StateDocument } from '../../src/store/state.js';
import type { Store } from '../../src/store/store.js';
import { describeMongo } from '../support/describe-mongo.js';
import { createEmbeddedEngine } from '../support/embedded-engine.js';
import type { CreateEngine, Engine } from '../support/engine.js';
import { createMongoEngine } from '../support/mongo-engine.js';
import { SILENT_LOGGER } from '../support/silent-logger.js';

const COLLECTION = 'audit_entries';
const TIME_MS = Date.UTC(2026, 0, 1);

describe('the audit, held against the log on the embedded engine', () => describeAuditTampering(createEmbeddedEngine));

describeMongo('the audit, held against the log on a MongoDB server', (server) =>
  describeAuditTampering(async () => createMongoEngine(server())),
);

function describeAuditTampering(createEngine: CreateEngine): void {
  let engine: Engine;

  beforeEach(async () => {
    engine = await createEngine();
    await withLedger(engine, async (ledger) => {
      const registry = readDescriptorImage(await readFile(DESCRIPTOR_IMAGE));
      const audit = await openAuditEntries({ ledger, registry, now: () => TIME_MS });
      const times = { time: toTimestamp(TIME_MS), expireTime: toTimestamp(2 * TIME_MS) };
      for (const caller of ['users/mallory', 'users/eve']) {
        await audit.add([AuditEntry.fromPartial({ ...times, caller, code: 'PERMISSION_DENIED', count: 1 })]);
      }
    });
  });

  afterEach(() => engine.destroy());

  it('is whole as it was kept', async () => {
    expect(await verify(engine)).to.have.property('ok', true);
  });

  it('tells of an entry in which another caller was written', async () => {
    const entry = await entryOf(engine, 'users/mallory');
    await engine.tamper.writeDocument({ ...entry, value: { ...entry.value, caller: 'users/bob' } });

    expect(await verify(engine)).to.have.nested.property('fault.revision', entry.revision);
  });

  it('tells of an entry that was taken away', async () => {
    const entry = await entryOf(engine, 'users/mallory');
    await engine.tamper.removeDocument(COLLECTION, entry.id);

    expect(await verify(engine)).to.have.nested.property('fault.revision', entry.revision);
  });
}

async function withStore<T>(engine: Engine, use: (store: Store) => Promise<T>): Promise<T> {
  const store = await engine.open();
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

function withLedger<T>(engine: Engine, use: (ledger: Ledger) => Promise<T>): Promise<T> {
  return withStore(engine, async (store) => {
    const ledger = await createLedger({ store, logger: SILENT_LOGGER });
    try {
      return await use(ledger);
    } finally {
      await ledger.close();
    }
  });
}

function verify(engine: Engine): ReturnType<typeof verifyLedger> {
  return withStore(engine, (store) => verifyLedger(store));
}

async function entryOf(engine: Engine, caller: string): Promise<StateDocument> {
  const { documents } = await withLedger(engine, (ledger) => ledger.scan(COLLECTION, { limit: 10 }));
  const found = documents.find(({ value }) => value['caller'] === caller);
  if (found === undefined) throw new Error(`The audit has no entry of "${caller}"`);
  return found;
}
