// `npm run check:licences`: holds every package of package-lock.json to the licences that this one may be passed on with. Needs
// no network: the lock says each licence.
import './lib/require-node.mjs';
import { readFileSync } from 'node:fs';

const { inRoot } = await import('./lib/root.mjs');
const { Failure, runScript } = await import('./lib/run.mjs');

/** They ask for their text to be kept, and for no more. */
const ALLOWED = [
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'CC0-1.0',
  'ISC',
  'MIT',
  'PSF-2.0',
  'Python-2.0',
];

/** Packages whose lock entry names no licence or another, with why they may be here. The list only gets shorter. */
const EXCEPTIONS = {
  'world-countries': 'ODbL-1.0, data that an example imports; it is not passed on',
};

await runScript(async () => {
  const { packages } = JSON.parse(readFileSync(inRoot('package-lock.json'), 'utf8'));
  const found = Object.entries(packages)
    .filter(([path]) => path !== '')
    .map(([path, { license = 'none' }]) => ({ name: path.replace(/^.*node_modules\//, ''), license }));
  const refused = found.filter(({ name, license }) => !isAllowed(license) && !(name in EXCEPTIONS));
  const unused = Object.keys(EXCEPTIONS).filter((name) => !found.some((entry) => entry.name === name));
  for (const { name, license } of refused) console.error(`${name}: ${license}`);
  for (const name of unused) console.error(`${name}: is an exception in scripts/check-licences.mjs, and is not here`);
  if (refused.length + unused.length > 0)
    throw new Failure(`Expected one of ${ALLOWED.join(', ')}, or a reason in scripts/check-licences.mjs`);
  console.log(`${found.length} packages, all with licences that are allowed`);
});

/** Whether one part of an OR, or all of an AND, is allowed. */
function isAllowed(expression) {
  const parts = (text, word) => text.replaceAll(/[()]/g, '').split(` ${word} `);
  return parts(expression, 'OR').some((choice) => parts(choice, 'AND').every((licence) => ALLOWED.includes(licence)));
}
