// `npm start`: prepares the checkout and runs `keelson serve` in this very process, so that a signal meets the server.
import './lib/require-node.mjs';

const { prepare } = await import('./lib/prepare.mjs');
const { inRoot } = await import('./lib/root.mjs');
const { runScript } = await import('./lib/run.mjs');

await runScript(() => prepare('server'));
process.argv.splice(1, 1, inRoot('bin/keelson.mjs'), 'serve');
await import('../bin/keelson.mjs');
