// `npm run bench [-- --case NAME --quick --json FILE --list]`: prepares the checkout and the peers, and measures.
import './lib/require-node.mjs';

const { prepare } = await import('./lib/prepare.mjs');
const { installPeers } = await import('./lib/peers.mjs');
const { runNode, runScript } = await import('./lib/run.mjs');

await runScript(async () => {
  await prepare('all');
  await installPeers();
  process.exitCode = await runNode(['--enable-source-maps', 'dist/bench/main.js', ...process.argv.slice(2)]);
});
