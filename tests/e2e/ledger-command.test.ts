import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { createLedger } from '../../src/ledger/ledger.js';
import { createEmbeddedEngine } from '../support/embedded-engine.js';
import { SILENT_LOGGER } from '../support/silent-logger.js';

describe('keelson ledger', function () {
  this.timeout(15_000);
  let engine: Awaited<ReturnType<typeof createEmbeddedEngine>>;

  const keelson = async (...args: readonly string[]) => {
    const env = { PATH: process.env['PATH'], KEELSON_DATA_DIR: engine.dataDir };
    const run = promisify(execFile)(process.execPath, ['bin/keelson.mjs', 'ledger', ...args], { env });
    const failed = (err: unknown) => err as { stdout: string; stderr: string; code: number };
    return run.then((output) => ({ ...output, code: 0 }), failed);
  };
  const noteOf = (stdout: string) => /^note (\S+)$/m.exec(stdout)?.[1] ?? '';

  beforeEach(async () => {
    engine = await createEmbeddedEngine();
    const store = await engine.open();
    const ledger = await createLedger({ store, logger: SILENT_LOGGER });
    await ledger.declareCollections(['orders']);
    for (let n = 1; n <= 3; n += 1) {
      await ledger.commit({ writes: [{ kind: 'put', collection: 'orders', id: `o-${n}`, value: { n } }] });
    }
    await ledger.close();
    await store.close();
  });
  afterEach(() => engine.destroy());

  it('verify prints a note that a later run accepts', async () => {
    const first = await keelson('verify');
    expect(first.stdout).to.match(/^3 entries up to revision 3 are whole\n3 documents/);
    expect(await keelson('verify', '--note', noteOf(first.stdout))).to.include({ code: 0 });
  });

  it('verify names the first bad entry and exits with 1', async () => {
    const entry = await engine.tamper.readEntry(2);
    await engine.tamper.writeEntry({ ...entry, body: entry.body.replace('"n":2', '"n":7') });
    const { code, stdout } = await keelson('verify');
    expect({ code, stdout }).to.deep.equal({
      code: 1,
      stdout: 'Entry 2 was changed: its content does not have its hash\n',
    });
  });

  it('tail prints commits as JSON lines', async () => {
    const { stdout } = await keelson('tail', '--after', '1');
    const commits = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { revision: number });
    expect(commits.map(({ revision }) => revision)).to.deep.equal([2, 3]);
  });

  it('says so when a server has the data directory open', async () => {
    await engine.open();
    const { code, stderr } = await keelson('verify');
    expect(code).to.equal(1);
    expect(stderr).to.match(/another process has it open/);
  });
});
