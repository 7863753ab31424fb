import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { openEmbeddedStore } from '../../src/store/embedded/open-embedded-store.js';
import { DATA_FORMAT } from '../../src/store/embedded/schema.js';
import { createEmbeddedEngine } from '../support/embedded-engine.js';
import { rejection } from '../support/rejection.js';
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

  context('when it was closed', () => {
    it('refuses to append', async () => {
      const store = await openEmbeddedStore({ dataDir: engine.dataDir });
      await store.close();
      expect(await rejection(store.declareCollections(['orders']))).to.include({ reason: 'STORE_CLOSED' });
    });
  });
});
