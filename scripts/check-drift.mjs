// `npm run gen:check`: generates gen/ and fails where that differs from what is committed or staged.
import './lib/require-node.mjs';
import { spawnSync } from 'node:child_process';

const { describe } = await import('./lib/describe.mjs');
const { generate } = await import('./lib/generate.mjs');
const { install } = await import('./lib/install.mjs');
const { takeSteps } = await import('./lib/prepare.mjs');
const { root } = await import('./lib/root.mjs');
const { Failure, runScript } = await import('./lib/run.mjs');

await runScript(async () => {
  await takeSteps([install, { ...generate, isNeeded: () => true }, { ...describe, isNeeded: () => true }]);
  const drift = driftOfGen();
  if (drift.length > 0) {
    throw new Failure(
      `gen/ is not what the contracts generate:\n${drift.join('\n')}\n` +
        'Run "npm run gen" and commit (or stage) gen/ together with the contracts',
    );
  }
  console.log('gen/ is what the contracts generate');
});

/** The lines of `git status` for files whose content is neither committed nor staged. */
function driftOfGen() {
  const git = spawnSync('git', ['status', '--porcelain', '--untracked-files=all', '--', 'gen', 'bench/gen'], {
    cwd: root,
    encoding: 'utf8',
  });
  if (git.status !== 0) throw new Failure(`Cannot compare gen/ with git: ${git.stderr || git.error?.message}`);
  return git.stdout.split('\n').filter((line) => line !== '' && line[1] !== ' ');
}
