import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { inRoot } from './root.mjs';

/** One hash over the names and contents of files and folders of the checkout. What is missing counts as missing. */
export function hashOf(paths) {
  const hash = createHash('sha256');
  for (const path of paths.flatMap(filesUnder)) {
    const content = readFileSync(inRoot(path));
    hash.update(`${path}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

/** The files under a path of the checkout, in a fixed order: none where nothing is there, itself where it is a file. */
export function filesUnder(path) {
  const found = statSync(inRoot(path), { throwIfNoEntry: false });
  if (found === undefined) return [];
  if (!found.isDirectory()) return [path];
  return readdirSync(inRoot(path))
    .sort()
    .flatMap((name) => filesUnder(join(path, name)));
}

/** What a stamp file says, or nothing where it is missing. */
export function readStamp(path) {
  try {
    return readFileSync(inRoot(path), 'utf8');
  } catch {
    return undefined;
  }
}

/** Writes a stamp whole or not at all. */
export function writeStamp(path, text) {
  const temporary = inRoot(`${path}.${process.pid}`);
  mkdirSync(dirname(temporary), { recursive: true });
  writeFileSync(temporary, text);
  renameSync(temporary, inRoot(path));
}
