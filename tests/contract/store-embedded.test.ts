import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import Database from 'libsql';
import { type CommitWrite, sealEntry } from '../../src/store/entry.js';
import type { JsonObject } from '../../src/store/json-value.js';
import { openEmbeddedStore } from '../../src/store/embedded/open-embedded-store.js';
import { DATA_FORMAT } from '../../src/store/embedded/schema.js';
import { createEmbeddedEngine } from '../support/embedded-engine.js';
import { rejection } from '../support/rejection.js';
import { seed } from '../support/seed.js';
import { describeStore } from './store.js';

const USER_VERSION_OFFSET = 60;

describe('the embedded engine', () => describeStore(createEmbeddedEngine));

describe('openEmbeddedStore()', () => {
  let engine: Awaited<ReturnType<typeof createEmbeddedEngine>>;
  beforeEach(async () => {
    engine = await createEmbeddedEngine();
  });
  afterEach(() => engine.destroy());

  context('when the data directory is open already', () => {
    it('rejects with DATA_DIRECTORY_IN_USE until it is closed', async () => {
      const first = await engine.open();
      expect(await rejection(engine.open())).to.include({ reason: 'DATA_DIRECTORY_IN_USE' });
      await first.close();
      await engine.open();
    });
  });

  context('when a newer release wrote the file', () => {
    it('rejects with NEWER_DATA_FORMAT and changes nothing', async () => {
      await (await engine.open()).close();
      const path = join(engine.dataDir, 'keelson.db');
      const content = await readFile(path);
      content.writeUInt32BE(DATA_FORMAT + 1, USER_VERSION_OFFSET);
      await writeFile(path, content);

      expect(await rejection(engine.open())).to.include({ reason: 'NEWER_DATA_FORMAT' });
      expect((await readFile(path)).equals(content)).to.equal(true);
    });
  });

  context('when the file is something else', () => {
    for (const [what, content] of [
      ['a text', 'Not a database at all.\n'.repeat(20)],
      ['shorter than a header', 'x'],
    ] as const) {
      it(`rejects and changes nothing: ${what}`, async () => {
        const path = join(engine.dataDir, 'keelson.db');
        await writeFile(path, content);
        await rejection(engine.open());
        expect(await readFile(path, 'utf8')).to.equal(content);
      });
    }
  });

  it('stores any value as the text that stands in its entry, and what the last of several commits left', async () => {
    const store = await engine.open();
    await store.declareCollections(['orders']);
    const put = (id: string, value: JsonObject): CommitWrite => ({
      ...{ kind: 'put', collection: 'orders', id, value, createRevision: 1, createTime: 1 },
    });
    const values = fc.sample(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.json()), { seed: seed(), numRuns: 400 });
    const edges = ['\u0000', '\u001f', '\u2028', '"\\/', '😀', '0'].map((text) => ({
      [text]: [text, 1e21, 5e-324, 0.1],
    }));
    const kept = [...values, ...edges].map((value, n) => put(`o-${n}"\\`, { n, value: value as JsonObject }));
    const commits = [
      { revision: 1, time: 1, writes: [put('changed', { n: 1 }), put('deleted', { n: 1 }), ...kept] },
      {
        revision: 2,
        time: 1,
        writes: [put('changed', { n: 2 }), { kind: 'delete', collection: 'orders', id: 'deleted' }],
      },
    ] as const;
    await store.append(sealEntry({ commits, time: 1, batchId: 'b', previousHash: 'h' }));

    const db = new Database(join(engine.dataDir, 'keelson.db'), { readonly: true });
    const rows = db.prepare('SELECT id, value, revision FROM orders ORDER BY revision, rowid').all([]);
    db.close();
    const texts = kept.map((write) => ({
      id: write.id,
      value: JSON.stringify('value' in write && write.value),
      revision: 1,
    }));
    expect(rows).to.deep.equal([...texts, { id: 'changed', value: '{"n":2}', revision: 2 }]);
  });

  context('when it was closed', () => {
    it('refuses to append', async () => {
      const store = await openEmbeddedStore({ dataDir: engine.dataDir });
      await store.close();
      expect(await rejection(store.declareCollections(['orders']))).to.include({ reason: 'STORE_CLOSED' });
    });
  });
});
