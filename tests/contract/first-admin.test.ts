import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createLedger, type Ledger } from '../../src/ledger/ledger.js';
import { openIdentities, type Identities } from '../../src/repositories/identities.js';
import { readDescriptorImage } from '../../src/rpc/descriptors.js';
import { ensureFirstAdmin } from '../../src/services/identity/first-admin.js';
import { parseToken, secretMatches } from '../../src/services/identity/token.js';
import { createGate } from '../support/delegating-store.js';
import { createEmbeddedEngine } from '../support/embedded-engine.js';
import type { Engine } from '../support/engine.js';
import { rejection } from '../support/rejection.js';
import { SILENT_LOGGER } from '../support/silent-logger.js';

const KEY = 'serviceAccounts/admin/apiKeys/first';

describe('ensureFirstAdmin()', () => {
  let engine: Engine;
  let ledger: Ledger;
  let identities: Identities;
  let dataDir: string;

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'keelson-first-admin-'));
    engine = await createEmbeddedEngine();
    ledger = await createLedger({ store: await engine.open(), logger: SILENT_LOGGER });
    const registry = readDescriptorImage(await readFile('gen/descriptors.binpb'));
    identities = await openIdentities({ ledger, registry, now: () => Date.now() });
  });

  afterEach(async () => {
    await ledger.close();
    await engine.destroy();
    await rm(dataDir, { recursive: true });
  });

  const start = (change: Identities['change'] = identities.change) =>
    ensureFirstAdmin({ identities: { ...identities, change }, dataDir });
  const tokenFiles = async () => (await readdir(dataDir)).sort();
  const opens = async () => {
    const token = parseToken((await readFile(join(dataDir, 'admin-token'), 'utf8')).trim());
    const { secretHash } = await identities.apiKeys.keys.get(KEY);
    return token?.keyName === KEY && secretMatches(token.secret, secretHash);
  };

  it('leaves a token that opens, and which only its owner can read', async () => {
    const file = await start();

    expect(await opens()).to.equal(true);
    expect((await stat(file)).mode & 0o777).to.equal(0o600);
    expect(await tokenFiles()).to.deep.equal(['admin-token']);
  });

  it('keeps the token at a second start', async () => {
    const file = await start();
    const before = await readFile(file, 'utf8');
    await start();

    expect(await readFile(file, 'utf8')).to.equal(before);
  });

  for (const winner of [0, 1]) {
    it(`leaves the token of the replica that was first, of two that race in one directory: ${winner}`, async () => {
      // Both have seen that there is no account, and have written their tokens, before either adds it.
      const gates = [createGate(), createGate()];
      const starts = gates.map((gate) =>
        start(async (...change) => {
          await gate.pass();
          return identities.change(...change);
        }),
      );
      await Promise.all(gates.map(({ reached }) => reached));

      gates[winner]?.open();
      await starts[winner];
      expect(await opens()).to.equal(true);
      gates[1 - winner]?.open();
      await Promise.all(starts);

      expect(await opens()).to.equal(true);
      expect(await tokenFiles()).to.deep.equal(['admin-token']);
    });
  }

  it('leaves one that opens, of twenty that race', async () => {
    await Promise.all(Array.from({ length: 20 }, () => start()));

    expect(await opens()).to.equal(true);
    expect(await tokenFiles()).to.deep.equal(['admin-token']);
  });

  it('finds the token of a replica that crashed when its key had been added', async () => {
    const crash = start(async (...change) => {
      await identities.change(...change);
      throw new Error('crashed');
    });
    expect(await rejection(crash)).to.have.property('message', 'crashed');
    await start();

    expect(await opens()).to.equal(true);
    expect(await tokenFiles()).to.deep.equal(['admin-token']);
  });

  it('replaces the token of a database that is gone, and leaves what others put there', async () => {
    await writeFile(join(dataDir, 'admin-token'), 'of another database\n');
    await writeFile(join(dataDir, 'admin-token.bak'), 'kept by hand\n');
    await start();

    expect(await opens()).to.equal(true);
    expect(await tokenFiles()).to.deep.equal(['admin-token', 'admin-token.bak']);
  });
});
