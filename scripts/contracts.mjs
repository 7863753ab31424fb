// `npm run contracts`: packs the contracts, with all that they import, for teams that generate clients with their own tools.
// docs/clients.md shows how each does.
import './lib/require-node.mjs';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

const { prepareGenerated } = await import('./lib/prepare.mjs');
const { inRoot } = await import('./lib/root.mjs');
const { Failure, run, runNode, runScript } = await import('./lib/run.mjs');

const BUF = 'node_modules/@bufbuild/buf/bin/buf';
const FOLDER = 'artifacts/contracts';

/** Makes the folder a module of buf by itself. */
const MODULE = `version: v2
modules:
  - path: .
`;

await runScript(async () => {
  await prepareGenerated();
  const { version } = JSON.parse(readFileSync(inRoot('package.json'), 'utf8'));
  rmSync(inRoot(FOLDER), { recursive: true, force: true });
  mkdirSync(inRoot(FOLDER), { recursive: true });
  await step(runNode([BUF, 'export', 'proto', '-o', FOLDER]), 'export the contracts');
  writeFileSync(inRoot(FOLDER, 'buf.yaml'), MODULE);
  copyFileSync(inRoot('LICENSE'), inRoot(FOLDER, 'LICENSE'));
  copyFileSync(inRoot('templates/contracts/buf.gen.go.yaml'), inRoot(FOLDER, 'buf.gen.go.yaml'));
  // Whoever gets them has no more than this.
  await step(runNode([BUF, 'build', FOLDER]), 'compile what was exported');
  const tarball = `artifacts/keelson-contracts-${version}.tgz`;
  await step(run('tar', ['-czf', tarball, '-C', 'artifacts', 'contracts']), 'pack them');
  console.log(`${tarball}: unpacks to contracts/`);
});

async function step(work, what) {
  const code = await work;
  if (code !== 0) throw new Failure(`Cannot ${what}: the command ended with code ${code}, see above`);
}
