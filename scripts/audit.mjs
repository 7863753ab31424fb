// `npm run audit`: asks the registry for known weaknesses of what a running server needs, and fails at a high or critical one. A
// registry that does not answer such questions says nothing: then this says so, and passes.
import './lib/require-node.mjs';
import { spawnSync } from 'node:child_process';

const { root } = await import('./lib/root.mjs');
const { Failure, runScript } = await import('./lib/run.mjs');

const ANSWER_MS_MAX = 120_000;

await runScript(async () => {
  const { stdout, error } = spawnSync('npm', ['audit', '--omit=dev', '--json'], {
    cwd: root,
    encoding: 'utf8',
    timeout: ANSWER_MS_MAX,
  });
  const report = error === undefined ? parse(stdout) : undefined;
  const counts = report?.metadata?.vulnerabilities;
  if (counts === undefined) return console.log('Skipped: the registry in use does not answer npm audit');
  const bad = Object.values(report.vulnerabilities ?? {}).filter(({ severity }) => /^(high|critical)$/.test(severity));
  for (const { name, severity, range } of bad) console.error(`${name} ${range}: ${severity}`);
  if (bad.length > 0) throw new Failure('Update these packages, or take them out ("npm audit" says more)');
  console.log(`No high or critical weakness is known (${counts.total} of lower severity)`);
});

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
