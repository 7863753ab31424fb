import { expect } from 'chai';
import type { Write } from '../../src/ledger/commit.js';
import { createLedger } from '../../src/ledger/ledger.js';
import { verifyLedger, type VerifyOptions } from '../../src/ledger/verify.js';
import { type Entry, hashOfEntry } from '../../src/store/entry.js';
import type { StateDocument } from '../../src/store/state.js';
import type { ScanRequest, Store } from '../../src/store/store.js';
import { delegateStore } from '../support/delegating-store.js';
import type { CreateEngine, Engine } from '../support/engine.js';
import { SILENT_LOGGER } from '../support/silent-logger.js';

const ENTRIES = 12;

/** Whatever is changed by hand, `verifyLedger` points at it. */
export function describeTampering(createEngine: CreateEngine): void {
  let engine: Engine;

  /** Twelve entries: o-1 to o-9 are put, o-1 is put again, o-2 is deleted, o-3 is deleted and put again. */
  const fill = async () => {
    const store = await engine.open();
    const ledger = await createLedger({ store, logger: SILENT_LOGGER });
    await ledger.declareCollections(['orders']);
    const put = (id: string, n: number) =>
      ledger.commit({ writes: [{ kind: 'put', collection: 'orders', id, value: { n, tag: { 'a.b': null } } }] });
    for (let n = 1; n <= 9; n += 1) await put(`o-${n}`, n);
    await put('o-1', 10);
    const request = { caller: 'a', id: 'r', fingerprint: 'f' };
    await ledger.commit({ writes: [{ kind: 'delete', collection: 'orders', id: 'o-2' }], request });
    await put('o-11', 12);
    await ledger.close();
    await store.close();
  };
  const commitAll = async (store: Store, writes: readonly Write[]) => {
    const ledger = await createLedger({ store, logger: SILENT_LOGGER });
    await ledger.commit({ writes });
    await ledger.close();
  };
  const verify = async (options?: VerifyOptions) => {
    const store = await engine.open();
    try {
      return await verifyLedger(store, options);
    } finally {
      await store.close();
    }
  };
  const expectFault = async (kind: string, revision: number, options?: VerifyOptions) => {
    const verification = await verify(options);
    expect(verification.ok ? 'no fault' : verification.fault).to.include({ kind, revision });
  };
  const documentAt = async (id: string): Promise<StateDocument> => {
    const store = await engine.open();
    const { documents } = await store.getDocuments({ collection: 'orders', ids: [id], at: ENTRIES });
    await store.close();
    if (!documents[0]) throw new Error(`Cannot read document "${id}": it is missing`);
    return documents[0];
  };
  const rehash = (entry: Entry): Entry => ({ ...entry, hash: hashOfEntry(entry) });

  beforeEach(async () => {
    engine = await createEngine();
    await fill();
  });
  afterEach(() => engine.destroy());

  it('finds nothing wrong with what the ledger wrote', async () => {
    const verification = await verify();
    expect(verification).to.have.nested.property('summary.entries', ENTRIES);
    expect(verification).to.have.nested.property('summary.documents', 10);
  });

  for (const first of [1, 6, ENTRIES]) {
    it(`points at entry ${first} when its body is changed`, async () => {
      const entry = await engine.tamper.readEntry(first);
      await engine.tamper.writeEntry({ ...entry, body: entry.body.replace('null', '"x"').replace('"r"', '"s"') });
      await expectFault('changed', first);
    });

    it(`points at entry ${first} when its time is changed`, async () => {
      const entry = await engine.tamper.readEntry(first);
      await engine.tamper.writeEntry({ ...entry, time: entry.time + 1 });
      await expectFault('changed', first);
    });

    it(`points at entry ${first} when it is dropped`, async () => {
      await engine.tamper.removeEntry(first);
      // The last one leaves no gap; a document that it wrote gives it away.
      const verification = await verify();
      expect(verification).to.have.nested.property('fault.revision', first);
    });
  }

  it('points at an entry that was changed and got a hash to match', async () => {
    const entry = await engine.tamper.readEntry(6);
    await engine.tamper.writeEntry(rehash({ ...entry, body: entry.body.replace('null', '"x"') }));
    // The document is read together with the entry, whichever comes to light first.
    const verification = await verify();
    expect(verification).to.have.nested.property('fault.revision', 6);
  });

  it('points at the first of two entries that were swapped', async () => {
    const [a, b] = [await engine.tamper.readEntry(4), await engine.tamper.readEntry(7)];
    await engine.tamper.writeEntry({ ...b, first: 4, last: 4 });
    await engine.tamper.writeEntry({ ...a, first: 7, last: 7 });
    await expectFault('changed', 4);
  });

  it('points behind the last entry when the end was cut off', async () => {
    for (let first = 9; first <= ENTRIES; first += 1) await engine.tamper.removeEntry(first);
    await expectFault('missing', 9, { note: { revision: ENTRIES, hash: 'f'.repeat(64) } });
  });

  it('finds a history that was rewritten as a whole by a hash that was noted', async () => {
    const noted = await engine.tamper.readEntry(8);
    let previousHash = (await engine.tamper.readEntry(ENTRIES - 1)).hash;
    for (let first = 8; first <= ENTRIES; first += 1) {
      const entry = await engine.tamper.readEntry(first);
      const base = first === 8 ? entry.previousHash : previousHash;
      const rewritten = rehash({ ...entry, time: entry.time + 1, previousHash: base });
      previousHash = rewritten.hash;
      await engine.tamper.writeEntry(rewritten);
    }
    await expectFault('noted-hash-differs', 8, { note: { revision: 8, hash: noted.hash } });
  });

  it('accepts a hash that was noted of any entry', async () => {
    const { hash } = await engine.tamper.readEntry(5);
    expect(await verify({ note: { hash } })).to.include({ ok: true });
    const other = hash.replace(/./, (digit) => (digit === 'f' ? 'e' : 'f'));
    await expectFault('noted-hash-differs', 5, { note: { revision: 5, hash: other } });
    await expectFault('noted-hash-missing', ENTRIES, { note: { hash: other } });
  });

  it('points at a document whose value was changed', async () => {
    await engine.tamper.writeDocument({ ...(await documentAt('o-4')), value: { n: 5 } });
    await expectFault('document-differs', 4);
  });

  it('points at a document that was removed', async () => {
    await engine.tamper.removeDocument('orders', 'o-5');
    await expectFault('document-missing', 5);
  });

  it('points at a document that was set back to an older commit', async () => {
    await engine.tamper.writeDocument({
      ...(await documentAt('o-1')),
      revision: 1,
      value: { n: 1, tag: { 'a.b': null } },
    });
    const verification = await verify();
    expect(verification.ok ? 'no fault' : verification.fault.kind).to.match(/^document-/);
  });

  it('points at a document that no commit wrote', async () => {
    await engine.tamper.writeDocument({ ...(await documentAt('o-4')), id: 'extra' });
    await expectFault('document-unknown', 4);
  });

  it('points at a document that claims to be newer than it is', async () => {
    await engine.tamper.writeDocument({ ...(await documentAt('o-4')), revision: 9 });
    await expectFault('document-unknown', 9);
  });

  it('points at a document that no commit wrote behind a page of documents that are deleted meanwhile', async () => {
    await engine.tamper.writeDocument({ ...(await documentAt('o-4')), id: 'p-extra' });
    const store = await engine.open();
    const ids = ['o-1', 'o-11', 'o-3', 'o-4', 'o-5', 'o-6', 'o-7', 'o-8', 'o-9'];
    const readApplied = async () => {
      const applied = await store.readApplied();
      await commitAll(
        store,
        ids.map((id) => ({ kind: 'delete', collection: 'orders', id })),
      );
      return applied;
    };
    const scanDocuments = (scan: ScanRequest) => store.scanDocuments({ ...scan, limit: ids.length });
    const verification = await verifyLedger(delegateStore(store, { readApplied, scanDocuments }));
    await store.close();
    expect(verification.ok ? 'no fault' : verification.fault).to.include({ kind: 'document-unknown', revision: 4 });
  });

  it('points at a deleted document that was brought back', async () => {
    await engine.tamper.writeDocument({ ...(await documentAt('o-4')), id: 'o-2', revision: 2, createRevision: 2 });
    const verification = await verify();
    expect(verification.ok ? 'no fault' : verification.fault.kind).to.match(/^document-/);
  });
}
