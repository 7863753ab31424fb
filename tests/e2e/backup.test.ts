import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import Database from 'libsql';
import { MongoClient } from 'mongodb';
import { backUp, restore } from '../../src/backup.js';
import { readConfig } from '../../src/config.js';
import { createLedger, type Ledger } from '../../src/ledger/ledger.js';
import { verifyLedger } from '../../src/ledger/verify.js';
import { openEmbeddedStore } from '../../src/store/embedded/open-embedded-store.js';
import { BackupFailedError, NotEmptyError, RestoreUnfinishedError } from '../../src/store/errors.js';
import type { JsonObject } from '../../src/store/json-value.js';
import { openMongoStore } from '../../src/store/mongo/open-mongo-store.js';
import type { Store } from '../../src/store/store.js';
import { describeMongo } from '../support/describe-mongo.js';
import { createEmbeddedEngine } from '../support/embedded-engine.js';
import { createMongoEngine } from '../support/mongo-engine.js';
import { rejection } from '../support/rejection.js';
import { startServerProcess, type ServerProcess } from '../support/server-process.js';
import { SILENT_LOGGER } from '../support/silent-logger.js';

type Settings = Readonly<Record<string, string>>;

const WRITERS = 2;
/** Servers and commands start one after another, on a machine that does other things, too. */
const LOAD_MS_MAX = 180_000;
const WRITES_BEFORE = 40;

async function keelson(settings: Settings, ...args: readonly string[]) {
  const env = { PATH: process.env['PATH'], ...settings };
  const run = promisify(execFile)(process.execPath, ['bin/keelson.mjs', ...args], { env });
  const failed = (err: unknown) => err as { stdout: string; stderr: string; code: number };
  return run.then((output) => ({ ...output, code: 0 }), failed);
}

async function putOrders(ledger: Ledger, count: number, value: JsonObject = {}): Promise<void> {
  for (let n = 1; n <= count; n += 1) {
    await ledger.commit({ writes: [{ kind: 'put', collection: 'orders', id: `o-${n}`, value }] });
  }
}

function open(settings: Settings): Promise<Store> {
  const { KEELSON_STORE_URL: url, KEELSON_DATA_DIR: dataDir = '' } = settings;
  return url === undefined ? openEmbeddedStore({ dataDir }) : openMongoStore({ url });
}

async function withLedger<T>(settings: Settings, work: (ledger: Ledger, store: Store) => Promise<T>): Promise<T> {
  const store = await open(settings);
  const ledger = await createLedger({ store, logger: SILENT_LOGGER });
  try {
    await ledger.declareCollections(['orders']);
    return await work(ledger, store);
  } finally {
    await ledger.close();
    await store.close();
  }
}

/** What holds wherever the backup is taken of and restored into. `place` gives the settings of an empty place. */
function describeBackup(place: () => Promise<Settings>): void {
  let root: string;
  let file: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'keelson-backup-'));
    file = join(root, 'keelson.backup');
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  it('holds documents, deletions, requests, leases and followers, which a restore brings back', async () => {
    const source = await place();
    const target = await place();
    const request = { caller: 'users/a', id: 'r-1', fingerprint: 'f' };
    const value = { 'a.b': 1, $set: 'x', text: '\u{1F600}' };
    const lease = { kind: 'sessions', id: 'users/a/sessions/1' };
    const first = await withLedger(source, async (ledger, store) => {
      const made = await ledger.commit({ request, writes: [{ kind: 'put', collection: 'orders', id: 'o-1', value }] });
      await ledger.commit({ writes: [{ kind: 'put', collection: 'orders', id: 'o-2', value: {} }] });
      await ledger.commit({ writes: [{ kind: 'delete', collection: 'orders', id: 'o-2' }] });
      await store.swapLease({ ...lease, fence: undefined, value: { n: 1 }, expireTime: Date.UTC(2040) });
      await store.saveFollower({ name: 'f', revision: 2 });
      return made;
    });

    const { end } = await backUp(readConfig(source), file);
    expect((await stat(file)).mode & 0o777).to.equal(0o600);
    await restore(readConfig(target), file, { note: end });

    await withLedger(target, async (ledger, store) => {
      expect(await verifyLedger(store, { note: end })).to.include({ ok: true });
      const [found, gone] = (await store.getDocuments({ collection: 'orders', ids: ['o-1', 'o-2'], at: 3 })).documents;
      expect(found?.value).to.deep.equal(value);
      expect(gone).to.equal(undefined);
      const again = await ledger.commit({ request, writes: [{ kind: 'put', collection: 'orders', id: 'o-1', value }] });
      expect(again.revision).to.equal(first.revision);
      expect((await store.readLease(lease))?.value).to.deep.equal({ n: 1 });
      expect(await store.readFollowers()).to.deep.equal([{ name: 'f', revision: 2 }]);
      const next = await ledger.commit({ writes: [{ kind: 'put', collection: 'orders', id: 'o-2', value: {} }] });
      expect(next.revision).to.equal(4);
      expect(await verifyLedger(store)).to.include({ ok: true });
    });
  });

  it('holds a history whose beginning retention has dropped', async () => {
    const source = await place();
    const target = await place();
    await withLedger(source, async (ledger, store) => {
      await putOrders(ledger, 4);
      const [, second] = await store.readEntries(0, 2);
      if (second) await store.dropEntries({ revision: second.last, hash: second.hash, time: second.time });
    });
    const taken = await backUp(readConfig(source), file);
    expect(taken).to.deep.include({ entries: 2, documents: 2, unvouched: 2 });
    await restore(readConfig(target), file);
    await withLedger(target, async (_ledger, store) => {
      expect(await verifyLedger(store)).to.deep.equal({ ok: true, summary: taken });
    });
  });

  it('is refused into a place that holds a database, which stays as it was', async () => {
    const source = await place();
    await withLedger(source, (ledger) => putOrders(ledger, 1));
    const before = await backUp(readConfig(source), file);
    const err = await rejection(restore(readConfig(source), file), NotEmptyError);
    expect(err.message).to.match(/^Cannot restore into ".+": it has /);
    await withLedger(source, async (_ledger, store) => {
      expect(await verifyLedger(store)).to.deep.equal({ ok: true, summary: before });
    });
  });

  it('taken under load, holds every commit that was acknowledged before, and verifies', async function () {
    this.timeout(LOAD_MS_MAX);
    const source = await place();
    const target = await place();
    const server = await startServerProcess({ settings: { ...source, KEELSON_LOG_LEVEL: 'silent' } });
    const acknowledged = new Set<string>();
    const load = startLoad(server, acknowledged);
    try {
      await load.until(WRITES_BEFORE);
      const before = [...acknowledged];
      const taken = await keelson(source, 'backup', file);
      expect(taken, taken.stderr).to.include({ code: 0 });
      expect(acknowledged.size, 'the load went on').to.be.greaterThan(before.length);
      await load.stop();
      const restored = await keelson(target, 'restore', file);
      expect(restored, restored.stderr).to.include({ code: 0 });
      expect(await keelson(target, 'ledger', 'verify')).to.include({ code: 0, stdout: taken.stdout });
      await withLedger(target, async (_ledger, store) => {
        const at = (await store.readApplied()).revision;
        const scan = { collection: 'documents', prefix: 'collections/load/', limit: 100_000, at };
        const ids = (await store.scanDocuments(scan)).documents.map((document) => document?.id.split('/').at(-1));
        expect(before.filter((id) => !ids.includes(id))).to.deep.equal([]);
      });
    } finally {
      await load.stop();
      await server.close();
    }
  });
}

/** Creates documents, a few at once, until it is told to stop. */
function startLoad({ http, token }: ServerProcess, acknowledged: Set<string>) {
  let stopped = false;
  const waiting: { count: number; resolve: () => void }[] = [];
  const write = async (writer: number) => {
    for (let n = 0; !stopped; n += 1) {
      const id = `w${writer}-${n}`;
      const answer = await fetch(`${http}/v1/collections/load/documents?documentId=${id}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ fields: { n } }),
      });
      if (!answer.ok) throw new Error(`Cannot write: ${answer.status} ${await answer.text()}`);
      await answer.arrayBuffer();
      acknowledged.add(id);
      for (const { count, resolve } of waiting) if (acknowledged.size >= count) resolve();
    }
  };
  const writers = Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
  return {
    until: (count: number) => Promise.race([new Promise<void>((resolve) => waiting.push({ count, resolve })), writers]),
    stop: async () => {
      stopped = true;
      await writers;
    },
  };
}

describe('A backup', function () {
  this.timeout(60_000);
  const made: { destroy(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const engine of made.splice(0)) await engine.destroy();
  });
  const embedded = async () => {
    const engine = await createEmbeddedEngine();
    made.push(engine);
    return { KEELSON_DATA_DIR: engine.dataDir };
  };

  context('of the embedded engine', () => describeBackup(embedded));

  describeMongo('of MongoDB', (server) => {
    const mongo = async () => {
      const engine = createMongoEngine(server());
      made.push(engine);
      return { KEELSON_STORE_URL: engine.url };
    };
    describeBackup(mongo);

    it('moves a database from one engine to the other and back', async () => {
      const [start, middle, end] = [await embedded(), await mongo(), await embedded()].map(
        (place) => place as Settings,
      );
      await withLedger(start ?? {}, (ledger) => putOrders(ledger, 300));
      const root = start?.['KEELSON_DATA_DIR'] ?? '';
      const taken = await backUp(readConfig(start ?? {}), join(root, 'one'));
      await restore(readConfig(middle ?? {}), join(root, 'one'));
      expect(await backUp(readConfig(middle ?? {}), join(root, 'two'))).to.deep.equal(taken);
      await restore(readConfig(end ?? {}), join(root, 'two'));
      await withLedger(end ?? {}, async (_ledger, store) => {
        expect(await verifyLedger(store)).to.deep.equal({ ok: true, summary: taken });
      });
    });

    it('is not opened where its restore was cut short', async () => {
      const target = await mongo();
      const client = new MongoClient(target.KEELSON_STORE_URL);
      const mark = { _id: 'ledger' as never, databaseId: 'd', format: 1_000_000 };
      await client.db().collection('keelson_database').insertOne(mark);
      await client.close();
      await rejection(openMongoStore({ url: target.KEELSON_STORE_URL }), RestoreUnfinishedError);
    });
  });

  describe('that is not whole', () => {
    let source: Settings;
    let root: string;
    let file: string;
    beforeEach(async () => {
      source = await embedded();
      root = source['KEELSON_DATA_DIR'] ?? '';
      await withLedger(source, (ledger) => putOrders(ledger, 50, { text: 'x'.repeat(2000) }));
      file = join(root, 'backup');
      await backUp(readConfig(source), file);
    });

    async function expectRefused(why: RegExp): Promise<void> {
      const target = await embedded();
      const err = await rejection(restore(readConfig(target), file), Error);
      expect(err.message).to.match(why);
      expect(existsSync(join(target.KEELSON_DATA_DIR, 'keelson.db'))).to.equal(false);
    }
    const change = (sql: string) => {
      const db = new Database(file);
      db.exec(sql);
      db.close();
    };

    for (const part of [0.001, 0.5, 0.99]) {
      it(`is refused, cut off after ${part} of it`, async () => {
        await truncate(file, Math.floor((await stat(file)).size * part));
        await expectRefused(/^Cannot (use backup|open) /);
      });
    }

    it('is refused, cut off at the end of a page', async () => {
      await truncate(file, (await stat(file)).size - 4096);
      await expectRefused(/^Cannot use backup /);
    });

    it('is refused where it was never finished', async () => {
      change('DROP TABLE keelson_backup');
      await expectRefused(/: it was not finished$/m);
    });

    it('is refused where its last entry is missing, or another one', async () => {
      await copyFile(file, `${file}.whole`);
      change('DELETE FROM keelson_entries WHERE first = 50');
      await expectRefused(/it was finished at revision 50, and ends elsewhere/);
      await copyFile(`${file}.whole`, file);
      change('DELETE FROM keelson_entries WHERE first = 7');
      await expectRefused(/Entry 7 is missing/);
    });

    it('is refused where a document is not what the log says', async () => {
      change(`UPDATE orders SET value = '{"text":"y"}' WHERE id = 'o-9'`);
      await expectRefused(/Document "o-9" of "orders" is not as commit 9/);
    });

    it('is refused where nothing is there, and where a file is something else', async () => {
      await rm(file);
      await expectRefused(/there is no such file/);
      await writeFile(file, 'x'.repeat(8192));
      await expectRefused(/it holds data, and not that of a ledger/);
    });

    it('is refused beside what a crash has left of another database', async () => {
      const target = await embedded();
      await writeFile(join(target.KEELSON_DATA_DIR, 'keelson.db-wal'), 'frames');
      const err = await rejection(restore(readConfig(target), file), NotEmptyError);
      expect(err.message).to.match(/it has "keelson.db-wal"/);
    });

    it('makes the folder that it is to be in, and says in a sentence why it cannot', async () => {
      const below = join(root, 'backups', 'monday');
      await backUp(readConfig(source), below);
      expect((await stat(join(root, 'backups'))).mode & 0o777).to.equal(0o700);

      const refused = await keelson(source, 'backup', join(below, 'tuesday'));

      expect(refused.code).to.equal(1);
      expect(refused.stderr.trim()).to.match(/^Cannot back up into ".+tuesday": E\w+: .+$/);
    });

    it('is not written over another file, nor of a directory without a database, and leaves nothing behind', async () => {
      await rejection(backUp(readConfig(source), file), NotEmptyError);
      const empty = await embedded();
      const err = await rejection(backUp(readConfig(empty), join(root, 'other')), BackupFailedError);
      expect(err.message).to.match(/it holds no database/);
      expect((await readdir(root)).filter((name) => name.includes('partial') || name === 'other')).to.deep.equal([]);
    });
  });
});
