import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const LIST_BYTES_MAX = 16 * 1024 * 1024;

/** The folder of the checkout, seen from dist/tests/support. */
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** The files that git keeps, or would keep after `git add`; paths from the root of the checkout. */
export function listFiles(): string[] {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const output = execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', maxBuffer: LIST_BYTES_MAX });
  const paths = output.split('\0').filter((path) => path !== '' && existsSync(join(ROOT, path)));
  return [...new Set(paths)].sort();
}

/** The text of a file of the checkout. */
export function readText(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** The file of the checkout, parsed as JSON. */
export function readJson(path: string): unknown {
  return JSON.parse(readText(path));
}
