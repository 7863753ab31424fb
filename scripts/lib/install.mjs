import { readFileSync } from 'node:fs';
import { hashOf, readStamp, writeStamp } from './hash.mjs';
import { inRoot } from './root.mjs';
import { Failure, run, runNode } from './run.mjs';

// The stamp lies in node_modules: npm ci begins by deleting that folder, so an interrupted install leaves none.
const STAMP = 'node_modules/.keelson-stamp';

/** Installs the packages of package-lock.json, where node_modules holds anything else. */
export const install = {
  isNeeded() {
    const wanted = wantedStamp();
    if (readStamp(STAMP) === wanted) return false;
    if (!isInstalledByHand()) return true;
    writeStamp(STAMP, wanted);
    return false;
  },
  async run() {
    const stamp = wantedStamp();
    console.log('Installing the packages (npm ci) ...');
    const args = ['ci', '--loglevel=error', '--no-audit', '--no-fund'];
    const npm = process.env.npm_execpath;
    const code = npm?.endsWith('npm-cli.js') ? await runNode([npm, ...args]) : await run('npm', args);
    if (code !== 0) {
      throw new Failure(
        `Cannot install the packages: "npm ci" ended with code ${code}, see above. It needs the npm registry: ` +
          'check the network and run the same command again',
      );
    }
    writeStamp(STAMP, stamp);
  },
};

function wantedStamp() {
  return `${hashOf(['package-lock.json'])} ${process.platform} ${process.arch}`;
}

/** Tells whether npm itself noted an install of exactly our lock, as it does at the end of `npm ci`. */
function isInstalledByHand() {
  const installed = readPackages('node_modules/.package-lock.json');
  const wanted = readPackages('package-lock.json');
  if (installed === undefined || wanted === undefined) return false;
  return Object.entries(wanted).every(([path, { version, optional }]) => {
    if (path === '') return true;
    const found = installed[path];
    return found === undefined ? optional === true : found.version === version;
  });
}

function readPackages(path) {
  try {
    return JSON.parse(readFileSync(inRoot(path), 'utf8')).packages;
  } catch {
    return undefined;
  }
}
