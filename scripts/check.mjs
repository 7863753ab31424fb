// Runs what guards a change besides the tests, one npm script after the other, and says how long each took.
import './lib/require-node.mjs';

const { prepare } = await import('./lib/prepare.mjs');
const { Failure, run, runScript } = await import('./lib/run.mjs');

const CHECKS = [
  { name: 'lint', title: 'Lint' },
  { name: 'format:check', title: 'Format' },
  { name: 'buf:lint', title: 'Contracts: style' },
  { name: 'buf:breaking', title: 'Contracts: compatibility' },
  { name: 'gen:check', title: 'Contracts: generated code' },
  { name: 'check:licences', title: 'Licences' },
];

await runScript(async () => {
  await timed('Types', () => prepare('all'));
  const failed = [];
  for (const { name, title } of CHECKS) {
    const code = await timed(title, () => run('npm', ['run', '--silent', name]));
    if (code !== 0) failed.push(name);
  }
  if (failed.length > 0) throw new Failure(`\nNot passed: ${failed.map((name) => `npm run ${name}`).join(', ')}`);
});

async function timed(title, work) {
  console.log(`\n== ${title}`);
  const startedAt = Date.now();
  const result = await work();
  console.log(`   ${((Date.now() - startedAt) / 1_000).toFixed(1)} s`);
  return result;
}
