import { spawnSync } from 'node:child_process';
import { chmod, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { expect } from 'chai';
import Database from 'libsql';
import { MongoClient, type Db } from 'mongodb';
import { Redis } from 'ioredis';
import { readConfig } from '../../src/config.js';
import { examine } from '../../src/doctor/examine.js';
import type { Finding } from '../../src/doctor/finding.js';
import { openMongoStore } from '../../src/store/mongo/open-mongo-store.js';
import { createAuthority, type Authority } from '../support/certificates.js';
import { freePort } from '../support/free-port.js';
import { skipWithoutMongo, startMongoServer, type MongoServer } from '../support/mongo-server.js';
import { startRedisServer } from '../support/redis-server.js';
import { requireTool } from '../support/require-tool.js';
import { startServerProcess } from '../support/server-process.js';
import { skipBecause } from '../support/skip-because.js';

/** Starting a server or a database is part of most tests. */
const TEST_MS_MAX = 60_000;
const DAY_MS = 24 * 60 * 60 * 1000;
const NOBODY = 65_534;
const MASTER_KEY = Buffer.alloc(32, 1).toString('base64');

describe('keelson doctor', function () {
  this.timeout(TEST_MS_MAX);
  let left: string;
  let folder: string;
  let dataDir: string;
  const closing: (() => unknown)[] = [];

  before(async () => {
    left = await mkdtemp(join(tmpdir(), 'keelson-doctor-left-'));
    await startAndStop({ KEELSON_DATA_DIR: left });
  });

  after(() => rm(left, { recursive: true, force: true }));

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keelson-doctor-'));
    dataDir = join(folder, 'data');
  });

  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
    await rm(folder, { recursive: true, force: true });
  });

  const settingsOf = (settings: Readonly<Record<string, string>>) => ({
    KEELSON_GRPC_LISTEN: '127.0.0.1:0',
    KEELSON_HTTP_LISTEN: '127.0.0.1:0',
    KEELSON_DATA_DIR: dataDir,
    ...settings,
  });

  /** What is found that is not well. */
  async function find(settings: Readonly<Record<string, string>> = {}, aheadMs = 0): Promise<readonly Finding[]> {
    const findings = await examine(readConfig(settingsOf(settings)), () => Date.now() + aheadMs);
    return findings.filter(({ level }) => level !== 'ok');
  }

  function run(settings: Readonly<Record<string, string>>, ...options: string[]) {
    return spawnSync(process.execPath, ['bin/keelson.mjs', 'doctor', ...options], {
      env: { PATH: process.env['PATH'], ...settingsOf(settings) },
      encoding: 'utf8',
    });
  }

  function expectOne(findings: readonly Finding[], level: Finding['level'], message: RegExp, todo: RegExp): void {
    const matching = findings.filter((finding) => message.test(`${finding.check}: ${finding.message}`));
    expect(matching, JSON.stringify(findings, null, 2)).to.have.length(1);
    expect(matching[0]?.level).to.equal(level);
    expect(matching[0]?.todo).to.match(todo);
  }

  async function startAndStop(settings: Readonly<Record<string, string>>): Promise<void> {
    const server = await startServerProcess({ settings });
    await server.close();
  }

  /** Puts there what a server left. */
  const leave = () => cp(left, dataDir, { recursive: true });

  describe('as a command', () => {
    it('finds nothing before the first start and after it, and exits with 0', async () => {
      const before = run({});
      await leave();
      const after = run({});

      expect(before.status, before.stdout).to.equal(0);
      expect(after.status, after.stdout).to.equal(0);
      expect(before.stdout + after.stdout).not.to.match(/^(WARNING|PROBLEM)/m);
    });

    it('says what is wrong and what to do, and exits with 1', async () => {
      await writeFile(dataDir, 'a file');

      const { status, stdout } = run({});

      expect(status).to.equal(1);
      expect(stdout).to.match(
        /^PROBLEM data directory: ".*" is no directory\n {8}Move it away, or set KEELSON_DATA_DIR/m,
      );
    });

    it('tells all mistakes in the settings, as JSON if that is asked for', () => {
      const { status, stdout } = run({ KEELSON_LOG_LEVEL: 'loud', KEELSON_NO_SUCH: 'x' }, '--json');

      expect(status).to.equal(1);
      const findings = stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Finding);
      expect(findings.map(({ level }) => level)).to.deep.equal(['problem', 'problem']);
      expect(findings.map(({ message }) => message).join())
        .to.include('KEELSON_LOG_LEVEL')
        .and.include('KEELSON_NO_SUCH');
    });

    it('changes nothing: a database that is not there is not made', async () => {
      run({});

      expect(await readFile(join(dataDir, 'keelson.db')).catch(() => 'none')).to.equal('none');
    });

    it('finds that its user cannot write the data directory', async function () {
      await leave();
      await chmod(folder, 0o755);
      await chmod(dataDir, 0o555);
      const isRoot = process.getuid?.() === 0;
      const { status, stdout, stderr } = spawnSync(process.execPath, ['bin/keelson.mjs', 'doctor'], {
        env: { PATH: process.env['PATH'], ...settingsOf({}) },
        encoding: 'utf8',
        ...(isRoot && { uid: NOBODY }),
      });
      if (isRoot && stdout === '')
        skipBecause(this, `the checkout is not for all users to read: ${stderr.slice(0, 200)}`);

      expect(status).to.equal(1);
      expect(stdout).to.match(/^PROBLEM data directory: ".*" cannot be written by this user\n +Give it to the user/m);
    });
  });

  describe('looks at files', () => {
    it('finds what others can read', async () => {
      await leave();
      await chmod(dataDir, 0o750);
      await chmod(join(dataDir, 'admin-token'), 0o644);

      const findings = await find();

      expectOne(
        findings,
        'problem',
        /data" can be used by others than its owner \(mode 750\)/,
        /^Take that from them: chmod/,
      );
      expectOne(findings, 'problem', /admin-token" can be used by others.*644/, /chmod go-rwx/);
    });

    it('finds a database of a newer release, and one that is none', async () => {
      await leave();
      const path = join(dataDir, 'keelson.db');
      const db = new Database(path);
      db.exec('PRAGMA journal_mode = DELETE; PRAGMA user_version = 99;');
      db.close();
      expectOne(await find(), 'problem', /database: cannot be used: .*format is 99/, /run the release that wrote it/);

      await writeFile(path, 'something else altogether, of a hundred bytes or so'.repeat(4));
      expectOne(await find(), 'problem', /database: cannot be used: /, /to data of this release/);
    });

    it('finds each index that is missing, whoever declared it, and a start builds them all', async () => {
      await leave();
      const db = new Database(join(dataDir, 'keelson.db'));
      const listed = "SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE 'keelson_%'";
      const dropped = db.prepare(listed).all([]) as { name: string }[];
      for (const { name } of dropped) db.exec(`DROP INDEX "${name}"`);
      db.close();

      const findings = await find();
      expect(findings).to.have.length(dropped.length);
      expectOne(findings, 'warning', /indexes: "create_time" of documents is missing/, /Start a server again/);
      expectOne(findings, 'warning', /indexes: "time desc" of audit_entries is missing/, /Start a server again/);
      expectOne(findings, 'warning', /indexes: "expire_time" of keelson_leases is missing/, /Start a server again/);

      await startAndStop({ KEELSON_DATA_DIR: dataDir });
      expect(await find()).to.deep.equal([]);
    });

    it('finds a master key that is gone, or another', async () => {
      await leave();
      const path = join(dataDir, 'master-key');
      await writeFile(path, MASTER_KEY);
      expectOne(await find(), 'problem', /master key: is not the one that the database/, /restore its file/);
      expectOne(await find({ KEELSON_MASTER_KEY: MASTER_KEY }), 'problem', /is not the one/, /KEELSON_MASTER_KEY/);

      await rm(path);
      expectOne(await find(), 'problem', /master key: ".*" is gone/, /Restore it from a backup/);
    });
  });

  describe('looks at ports', () => {
    it('finds one that another process has', async () => {
      const port = await freePort();
      const other: Server = createServer().listen(port, '127.0.0.1');
      closing.push(() => other.close());
      await once(other, 'listening');

      const findings = await find({ KEELSON_HTTP_LISTEN: `127.0.0.1:${port}` });

      expectOne(findings, 'problem', /KEELSON_HTTP_LISTEN=.* is taken by another process/, /End that process, or set/);
    });

    it('finds an address that this machine does not have', async () => {
      const findings = await find({ KEELSON_GRPC_LISTEN: '192.0.2.1:50051', KEELSON_ALLOW_PLAINTEXT: 'true' });

      expectOne(findings, 'problem', /KEELSON_GRPC_LISTEN=.* is no address of this machine/, /0\.0\.0\.0/);
    });

    it('is content with a server of the same settings that runs', async () => {
      const settings = {
        KEELSON_GRPC_LISTEN: `127.0.0.1:${await freePort()}`,
        KEELSON_HTTP_LISTEN: `127.0.0.1:${await freePort()}`,
      };
      const server = await startServerProcess({ settings });
      closing.push(() => server.close());

      expect(await find(settings)).to.deep.equal([]);
    });
  });

  describe('looks at TLS', () => {
    let authority: Authority;

    before(requireTool('openssl'));
    beforeEach(() => {
      authority = createAuthority();
      closing.push(() => authority.close());
    });

    const tls = (certFile: string, keyFile: string) => ({
      KEELSON_TLS_CERT_FILE: certFile,
      KEELSON_TLS_KEY_FILE: keyFile,
    });

    it('finds a certificate that expires soon, has expired, and is not valid yet', async () => {
      const { certFile, keyFile } = authority.issue('server', 'IP:127.0.0.1');
      const settings = tls(certFile, keyFile);

      expectOne(await find(settings), 'warning', /TLS: ".*server.pem" expires in 1 days/, /Put a new certificate/);
      expectOne(await find(settings, 3 * DAY_MS), 'problem', /TLS: ".*server.pem" expired on/, /Put a new certificate/);
      expectOne(await find(settings, -DAY_MS), 'problem', /is valid only from/, /Look at the clock/);
    });

    it('finds a key of another certificate, one that others can read, and files that are none', async () => {
      const one = authority.issue('one', 'IP:127.0.0.1');
      const other = authority.issue('other', 'IP:127.0.0.1');
      await chmod(other.keyFile, 0o644);
      const findings = await find(tls(one.certFile, other.keyFile));
      expectOne(findings, 'problem', /"[^"]*other.key" is not the key of/, /the key that it was made with/);
      expectOne(findings, 'warning', /other.key" can be read by others/, /chmod 600/);

      const broken = join(folder, 'broken.pem');
      await writeFile(broken, 'no certificate');
      const unreadable = await find({
        ...tls(broken, join(folder, 'none.key')),
        KEELSON_TLS_CLIENT_CA_FILE: broken,
      });
      expectOne(unreadable, 'problem', /none.key" cannot be used: ENOENT/, /Set KEELSON_TLS_KEY_FILE/);
      expect(unreadable.filter(({ message }) => message.includes('broken.pem" cannot be used'))).to.have.length(2);
    });
  });

  describe('looks at Redis', () => {
    before(requireTool('redis'));

    it('finds that it is away', async () => {
      const findings = await find({ KEELSON_REDIS_URL: `redis://127.0.0.1:${await freePort()}` });

      expectOne(findings, 'problem', /Redis: does not answer: .*ECONNREFUSED/, /correct KEELSON_REDIS_URL/);
    });

    it('finds a clock that differs, and a memory that refuses', async () => {
      const redis = await startRedisServer();
      closing.push(() => redis.stop());
      const settings = { KEELSON_REDIS_URL: redis.url };
      expect(await find(settings)).to.deep.equal([]);

      const client = new Redis(redis.url);
      await client.config('SET', 'maxmemory', '100mb');
      client.disconnect();
      expectOne(await find(settings), 'warning', /refuses writes when its memory is full/, /allkeys-lru/);
      expectOne(await find(settings, 5_000), 'warning', /clock of Redis: is [45]\.\d s behind/, /NTP/);
      expectOne(await find(settings, -60_000), 'problem', /clock of Redis: is \d\d\.\d s ahead/, /NTP/);
    });
  });

  describe('looks at MongoDB', () => {
    let mongo: MongoServer | undefined;

    before(async function () {
      this.timeout(TEST_MS_MAX);
      mongo = await startMongoServer();
      if (mongo === undefined) skipWithoutMongo(this);
    });
    after(() => mongo?.stop());

    const urlOf = (database: string) => mongo?.urlOf(database) ?? '';

    it('finds that it is away', async () => {
      const url = `mongodb://127.0.0.1:${await freePort()}/keelson`;

      const findings = await find({ KEELSON_STORE_URL: url, KEELSON_MASTER_KEY: MASTER_KEY });

      expectOne(findings, 'problem', /database: cannot be used: .*ECONNREFUSED/, /KEELSON_STORE_URL/);
    });

    it('finds a key that all processes share by the database alone, and another key than its own', async () => {
      const url = urlOf('doctor_keys');
      await startAndStop({ KEELSON_STORE_URL: url, KEELSON_MASTER_KEY: MASTER_KEY });

      expect(await find({ KEELSON_STORE_URL: url, KEELSON_MASTER_KEY: MASTER_KEY })).to.deep.equal([]);
      expectOne(await find({ KEELSON_STORE_URL: url }), 'warning', /master key: lies in the database/, /openssl rand/);
      const another = Buffer.alloc(32, 2).toString('base64');
      const findings = await find({ KEELSON_STORE_URL: url, KEELSON_MASTER_KEY: another });
      expectOne(findings, 'problem', /master key: is not the one/, /Set KEELSON_MASTER_KEY/);
    });

    it('finds a clock that differs', async function () {
      if (mongo?.isReal === false) skipBecause(this, 'this server does not tell the time');
      const settings = { KEELSON_STORE_URL: urlOf('doctor_clock'), KEELSON_MASTER_KEY: MASTER_KEY };

      expectOne(await find(settings, 60_000), 'problem', /clock of database: is .* s behind/, /NTP/);
    });

    it('finds each index that is missing, whoever declared it, and a start builds them all', async () => {
      const whole = { KEELSON_STORE_URL: urlOf('doctor_indexes'), KEELSON_MASTER_KEY: MASTER_KEY };
      await startAndStop(whole);
      const client = await MongoClient.connect(whole.KEELSON_STORE_URL);
      closing.push(() => client.close());
      expect(await find(whole)).to.deep.equal([]);

      const settings = { ...whole, KEELSON_STORE_URL: urlOf('doctor_copied') };
      const lost = await copyWithoutIndexes(client.db('doctor_indexes'), client.db('doctor_copied'));

      const findings = await find(settings);
      expect(findings).to.have.length(lost);
      expectOne(findings, 'warning', /indexes: "deletedRevision" of documents is missing/, /Start a server again/);
      expectOne(findings, 'warning', /indexes: "time desc" of audit_entries is missing/, /Start a server again/);

      await startAndStop(settings);
      expect(await find(settings)).to.deep.equal([]);
    });

    it('finds data of a newer release', async () => {
      const url = urlOf('doctor_state');
      const settings = { KEELSON_STORE_URL: url, KEELSON_MASTER_KEY: MASTER_KEY };
      const store = await openMongoStore({ url });
      await store.close();
      const client = await MongoClient.connect(url);
      closing.push(() => client.close());

      await client
        .db()
        .collection('keelson_database')
        .updateOne({}, { $set: { format: 99 } });
      expectOne(await find(settings), 'problem', /database: cannot be used: .*format is 99/, /run the release/);
    });
  });
});

/** Copies a database without its indexes, as other tools do. Gives how many indexes there were beside those of the ids. */
async function copyWithoutIndexes(from: Db, to: Db): Promise<number> {
  const declared = await from.collection<{ _id: string }>('keelson_collections').find().toArray();
  const own = ['collections', 'database', 'entries', 'followers', 'leases', 'positions', 'requests'];
  let indexes = 0;
  for (const name of [...declared.map(({ _id }) => _id), ...own.map((word) => `keelson_${word}`)]) {
    const documents = await from.collection(name).find().toArray();
    if (documents.length > 0) await to.collection(name).insertMany(documents);
    const listed = await from
      .collection(name)
      .indexes()
      .catch(() => []);
    indexes += listed.filter((index) => index.name !== '_id_').length;
  }
  return indexes;
}
