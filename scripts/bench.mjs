// `npm run bench [-- --case NAME --quick --json FILE --list]`, bench:check, bench:record, bench:profile and bench:stages: prepares the checkout
// and the peers, and measures.
import './lib/require-node.mjs';

const PROGRAMS = { '--profile': 'profile', '--stages': 'stages' };

const { prepare } = await import('./lib/prepare.mjs');
const { buildGoPeers } = await import('./lib/go-peers.mjs');
const { installPeers } = await import('./lib/peers.mjs');
const { runNode, runScript } = await import('./lib/run.mjs');

await runScript(async () => {
  const [first, ...rest] = process.argv.slice(2);
  const program = PROGRAMS[first];
  await prepare('all');
  if (program === undefined) await installPeers();
  // The guard compares with none of them.
  if (program === undefined && !['--check', '--list'].includes(first)) await buildGoPeers();
  const args = program === undefined ? ['main', ...process.argv.slice(2)] : [program, ...rest];
  process.exitCode = await runNode([`dist/bench/${args[0]}.js`, ...args.slice(1)]);
});
