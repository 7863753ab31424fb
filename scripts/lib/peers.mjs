import { copyFileSync, mkdirSync } from 'node:fs';
import { basename } from 'node:path';
import { filesUnder, hashOf, readStamp, writeStamp } from './hash.mjs';
import { inRoot } from './root.mjs';
import { Failure, run } from './run.mjs';

const SOURCES = 'bench/peers';
// Beside the checkout's own packages, and not among its sources: a peer is no part of the product.
const TARGET = '.build/peers';
const STAMP = `${TARGET}/node_modules/.keelson-stamp`;

/** Puts what Keelson is measured against into .build/, with the packages that it needs. */
export async function installPeers() {
  mkdirSync(inRoot(TARGET), { recursive: true });
  for (const path of filesUnder(SOURCES)) {
    if (/\.(mjs|json)$/.test(path)) copyFileSync(inRoot(path), inRoot(TARGET, basename(path)));
  }
  const wanted = hashOf([`${SOURCES}/package-lock.json`]);
  if (readStamp(STAMP) === wanted) return;
  console.log('Installing the peers (npm ci) ...');
  const args = ['ci', '--prefix', TARGET, '--loglevel=error', '--no-audit', '--no-fund', '--ignore-scripts'];
  const code = await run('npm', args);
  if (code !== 0) throw new Failure(`Cannot install the peers: "npm ci" ended with code ${code}, see above`);
  writeStamp(STAMP, wanted);
}
