// `npm run gen`: generates gen/ from the contracts. The files of contracts that are gone vanish.
import './lib/require-node.mjs';

const { describe } = await import('./lib/describe.mjs');
const { generate } = await import('./lib/generate.mjs');
const { install } = await import('./lib/install.mjs');
const { takeSteps } = await import('./lib/prepare.mjs');
const { runScript } = await import('./lib/run.mjs');

await runScript(() =>
  takeSteps([install, { ...generate, isNeeded: () => true }, { ...describe, isNeeded: () => true }]),
);
