// `npm test [-- unit|contract|e2e|faults|shapes|drain|docs|FILE ...] [MOCHA OPTION ...]`: prepares the checkout and runs those tests, or
// all but `shapes`, which runs the end-to-end tests again in other shapes of a server: `npm run test:shapes`.
import './lib/require-node.mjs';

const SUITES = {
  unit: ['unit/**/*', '*'],
  contract: ['contract/**/*'],
  e2e: ['e2e/**/*'],
  faults: ['faults/**/*'],
  shapes: ['shapes/**/*'],
  drain: ['drain/**/*'],
  docs: ['docs/**/*'],
};

const DEFAULT_SPECS = Object.entries(SUITES).flatMap(([name, patterns]) =>
  name === 'shapes' ? [] : patterns.map((pattern) => `dist/tests/${pattern}.test.js`),
);

const { prepare } = await import('./lib/prepare.mjs');
const { runNode, runScript } = await import('./lib/run.mjs');

await runScript(async () => {
  await prepare('all');
  const chosen = process.argv.slice(2).map(compiledPath);
  const specs = chosen.some(isSpec) ? chosen.flat() : [...DEFAULT_SPECS, ...chosen.flat()];
  process.exitCode = await runNode(['node_modules/mocha/bin/mocha.js', ...specs]);
});

/** The compiled files that an argument names; an argument that is none of ours is meant for mocha. */
function compiledPath(argument) {
  const suite = Object.hasOwn(SUITES, argument) ? SUITES[argument] : undefined;
  if (suite !== undefined) return suite.map((pattern) => `dist/tests/${pattern}.test.js`);
  return /^(\.\/)?tests\/.*\.ts$/.test(argument)
    ? [`dist/${argument.replace(/^\.\//, '').replace(/ts$/, 'js')}`]
    : argument;
}

function isSpec(argument) {
  return Array.isArray(argument);
}
