// Installs, generates and compiles what has changed: `node scripts/prepare.mjs [server|all]`.
import './lib/require-node.mjs';

const { prepare } = await import('./lib/prepare.mjs');
const { runScript } = await import('./lib/run.mjs');

await runScript(() => prepare(process.argv[2] ?? 'all'));
