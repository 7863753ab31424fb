import { constants } from 'node:fs';
import { access, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ok, problem, reasonOf, warning, type Finding } from './finding.js';

const CHECK = 'data directory';
const OTHERS = 0o077;
const GIB = 1024 ** 3;
/** With less than this a busy server may fill the disk within hours. */
const FREE_BYTES_MIN = GIB;

/** What only the owner may read, whatever the mode of the directory. */
const SECRETS = ['admin-token', 'master-key'] as const;

/** Looks at the directory that a server keeps its files in. */
export async function checkDataDirectory(dataDir: string): Promise<readonly Finding[]> {
  const directory = await stat(dataDir).catch(() => undefined);
  if (directory === undefined) return [await checkParent(dataDir)];
  if (!directory.isDirectory())
    return [problem(CHECK, `"${dataDir}" is no directory`, 'Move it away, or set KEELSON_DATA_DIR to another path')];
  const writable = await canWrite(dataDir);
  const findings = [
    writable
      ? ok(CHECK, `"${dataDir}" can be read and written`)
      : problem(
          CHECK,
          `"${dataDir}" cannot be written by this user`,
          `Give it to the user that runs Keelson: chown -R USER ${dataDir}`,
        ),
  ];
  for (const name of ['', ...SECRETS]) findings.push(...(await checkMode(join(dataDir, name))));
  return [...findings, await checkSpace(dataDir)];
}

/** A start makes the directory. */
async function checkParent(dataDir: string): Promise<Finding> {
  for (let folder = dirname(dataDir); ; folder = dirname(folder)) {
    const there = await stat(folder).catch(() => undefined);
    if (there === undefined && folder !== dirname(folder)) continue;
    if (await canWrite(folder)) return ok(CHECK, `"${dataDir}" is not there yet; the first start makes it`);
    const todo = `Make it for the user that runs Keelson: install -d -m 700 -o USER ${dataDir}`;
    return problem(CHECK, `"${dataDir}" is not there, and this user cannot make it in "${folder}"`, todo);
  }
}

async function canWrite(path: string): Promise<boolean> {
  return access(path, constants.R_OK | constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function checkMode(path: string): Promise<readonly Finding[]> {
  const found = await stat(path).catch(() => undefined);
  // Windows has no such modes.
  if (found === undefined || process.platform === 'win32' || (found.mode & OTHERS) === 0) return [];
  const message = `"${path}" can be used by others than its owner (mode ${(found.mode & 0o777).toString(8)})`;
  return [problem('permissions', message, `Take that from them: chmod go-rwx ${path}`)];
}

async function checkSpace(dataDir: string): Promise<Finding> {
  try {
    const { bavail, bsize } = await statfs(dataDir);
    return judgeSpace(bavail * bsize);
  } catch (err) {
    return warning('disk', `The free space cannot be told: ${reasonOf(err)}`, 'Look at it with "df"');
  }
}

export function judgeSpace(freeBytes: number): Finding {
  const message = `${(freeBytes / GIB).toFixed(1)} GiB are free for the data directory`;
  if (freeBytes >= FREE_BYTES_MIN) return ok('disk', message);
  return warning(
    'disk',
    message,
    'Make room, or move KEELSON_DATA_DIR to a larger disk: a full disk stops all changes',
  );
}
