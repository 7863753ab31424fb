import { spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { planService, writePlan } from '../../src/scaffold/new-service.js';
import { ScaffoldError } from '../../src/scaffold/words.js';
import { listFiles } from '../support/repository.js';
import { rejection } from '../support/rejection.js';

// That what is written compiles, lints and passes its tests is shown by tests/docs/, which follows the tutorial.
describe('keelson new service', function () {
  this.timeout(20_000);
  let root: string;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'keelson-new-'));
    for (const path of ['proto/keelson', 'src/areas.ts', 'src/repositories', 'templates']) {
      await cp(path, join(root, path), { recursive: true });
    }
  });

  afterEach(() => rm(root, { recursive: true, force: true }));

  const refusal = (name: string) => rejection(planService(root, { name }), ScaffoldError);

  it('says with --dry-run what it would write, and writes nothing', () => {
    const before = listFiles();
    const args = ['bin/keelson.mjs', 'new', 'service', 'parcels', '--dry-run'];

    const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });

    expect(status).to.equal(0);
    expect(stdout.trimEnd().split('\n')).to.deep.equal([
      'would write proto/keelson/parcels/v1/parcel_service.proto',
      'would write src/repositories/parcels.ts',
      'would write src/services/parcels/parcel-service.ts',
      'would write tests/e2e/parcels.test.ts',
      'would write docs/parcels.md',
      'would change src/areas.ts',
    ]);
    expect(listFiles()).to.deep.equal(before);
  });

  it('says in a sentence what it refuses, and exits with 1', () => {
    const args = ['bin/keelson.mjs', 'new', 'service', 'Parcels'];

    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });

    expect({ status, stdout }).to.deep.equal({ status: 1, stdout: '' });
    expect(stderr.trimEnd()).to.match(/^Cannot use "Parcels" as a name: .*$/);
  });

  it('puts each service into the table once, beside those that are there', async () => {
    await writePlan(root, await planService(root, { name: 'parcels' }));
    await writePlan(root, await planService(root, { name: 'depots' }));

    const areas = await readFile(join(root, 'src/areas.ts'), 'utf8');
    expect(areas).to.match(
      /\[openDocuments, serviceOn\(openParcels, createParcelService\), serviceOn\(openDepots, createDepotService\)\]/,
    );
    expect(areas.match(/^import \{ serviceOn \}/gm)).to.have.length(1);
  });

  it('refuses a resource, a message and a collection that exist', async () => {
    expect((await refusal('users')).message).to.match(
      /^Cannot add "users": proto\/keelson\/identity\/.* has it already$/,
    );
    expect((await refusal('api_keys')).message).to.match(/has it already|under that name/);
    expect((await refusal('audit_entries')).message).to.match(/has it already/);
    expect((await refusal('ended_sessions')).message).to.match(/under that name/);
  });

  it('refuses what it has written before', async () => {
    await writePlan(root, await planService(root, { name: 'parcels' }));

    expect((await refusal('parcels')).message).to.match(/has it already$/);
  });

  it('overwrites nothing, neither when it plans nor when it writes', async () => {
    const path = 'docs/parcels.md';
    const plan = await planService(root, { name: 'parcels' });
    await mkdir(join(root, 'docs'));
    await writeFile(join(root, path), 'mine');

    expect((await refusal('parcels')).message).to.equal(`Cannot write ${path}: it exists, and nothing is overwritten`);
    expect(await rejection(writePlan(root, plan))).to.include({ code: 'EEXIST' });
    expect(await readFile(join(root, path), 'utf8')).to.equal('mine');
  });

  it('refuses to work outside of a checkout', async () => {
    await rm(join(root, 'src/areas.ts'));

    expect((await refusal('parcels')).message).to.match(/is no checkout of Keelson/);
  });
});
