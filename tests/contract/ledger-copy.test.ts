import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { copyLedger } from '../../src/ledger/copy-ledger.js';
import { createLedger, type Ledger } from '../../src/ledger/ledger.js';
import { verifyLedger } from '../../src/ledger/verify.js';
import type { BackupWriter } from '../../src/store/backup.js';
import { createBackupFile, openBackupFile } from '../../src/store/embedded/backup-file.js';
import { BackupFailedError } from '../../src/store/errors.js';
import { AS_THEY_ARE, type Store } from '../../src/store/store.js';
import { delegateStore } from '../support/delegating-store.js';
import { createEmbeddedEngine } from '../support/embedded-engine.js';
import { rejection } from '../support/rejection.js';
import { SILENT_LOGGER } from '../support/silent-logger.js';

describe('copyLedger()', function () {
  this.timeout(20_000);
  let engine: Awaited<ReturnType<typeof createEmbeddedEngine>>;
  let root: string;
  let store: Store;
  let ledger: Ledger;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'keelson-copy-'));
    engine = await createEmbeddedEngine();
    store = await engine.open();
    ledger = await createLedger({ store, logger: SILENT_LOGGER });
    await ledger.declareCollections(['orders']);
    for (let n = 100; n < 100 + DOCUMENTS; n += 1) await put(`o-${n}`, 'before');
  });
  afterEach(async () => {
    await ledger.close();
    await engine.destroy();
    await rm(root, { recursive: true });
  });

  const put = (id: string, text: string, collection = 'orders') =>
    ledger.commit({ writes: [{ kind: 'put', collection, id, value: { text } }] });
  const remove = (id: string) => ledger.commit({ writes: [{ kind: 'delete', collection: 'orders', id }] });

  /** The store, of which somebody changes documents before and behind the page that is read next. */
  function changedBetweenPages(): Store {
    let page = 0;
    return delegateStore(store, {
      scanDocuments: async (request) => {
        if (request.collection === 'orders') {
          page += 1;
          await put(`a-${page}`, 'made before what is read');
          await put(`z-${page}`, 'made behind what is read');
          await put('o-100', `page ${page}`);
          await put('o-599', `page ${page}`);
          await remove(`o-${300 + page}`);
          await remove(`o-${100 + page}`);
          await put(`o-${100 + page}`, 'made again');
          await ledger.declareCollections(['new']);
          await put(`n-${page}`, 'in a collection that was not there', 'new');
        }
        return store.scanDocuments(request);
      },
    });
  }

  async function copy(source: Store, wrap: (target: BackupWriter) => BackupWriter = (target) => target) {
    const path = join(root, 'copy');
    const target = wrap(createBackupFile(path, source.databaseId));
    try {
      await copyLedger(source, target);
      target.finish();
    } catch (err) {
      target.discard();
      throw err;
    }
    return openBackupFile(path);
  }

  it('gives the state at one revision, whatever changes between the pages', async () => {
    const backup = await copy(changedBetweenPages());
    const { revision } = await store.readApplied();
    expect(backup.end.revision).to.equal(revision);
    expect(await verifyLedger(backup)).to.include({ ok: true });
    for (const collection of ['orders', 'new']) {
      const scan = { collection, prefix: '', limit: 10_000, at: AS_THEY_ARE };
      const copied = (await backup.scanDocuments(scan)).documents;
      expect(copied).to.deep.equal((await store.scanDocuments(scan)).documents);
    }
    backup.close();
  });

  it('gives a copy that does not verify where the entries behind the watermark are not applied', async () => {
    const withoutEffects = (target: BackupWriter): BackupWriter => ({
      ...target,
      append: (entry) => {
        target.addEntries([entry]);
        return true;
      },
    });
    const backup = await copy(changedBetweenPages(), withoutEffects);
    expect(await verifyLedger(backup)).to.include({ ok: false });
    backup.close();
  });

  it('fails where retention drops what it has yet to read', async () => {
    const floor = await store.readFloor();
    const late = delegateStore(store, {
      readFloor: async () => {
        const [first] = await store.readEntries(10, 1);
        if (first) await store.dropEntries({ revision: first.last, hash: first.hash, time: first.time });
        return floor;
      },
    });
    await rejection(copy(late), BackupFailedError);
  });
});

const DOCUMENTS = 500;
