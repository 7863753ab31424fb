import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkTextOf, MASTER_KEY_FILE } from '../repositories/master-key.js';
import type { StateDocument } from '../store/state.js';
import type { DatabaseSettings } from './check-database.js';
import { ok, problem, warning, type Finding } from './finding.js';

const CHECK = 'master key';

/** Holds the master key against what the database was set up with. */
export async function checkMasterKey(
  { storeUrl, dataDir, masterKey }: DatabaseSettings,
  check: StateDocument | undefined,
): Promise<readonly Finding[]> {
  if (masterKey === undefined && storeUrl !== undefined) {
    const todo = 'Give all processes the same KEELSON_MASTER_KEY ("openssl rand -base64 32") before the first start';
    return [warning(CHECK, 'lies in the database, and protects nothing that the database does not', todo)];
  }
  const path = join(dataDir, MASTER_KEY_FILE);
  const key = masterKey ?? (await readFile(path, 'utf8').catch(() => undefined))?.trim();
  if (key === undefined) {
    if (check === undefined) return [ok(CHECK, 'is made at the first start')];
    return [problem(CHECK, `"${path}" is gone`, 'Restore it from a backup, or set KEELSON_MASTER_KEY to what it held')];
  }
  if (check === undefined) return [ok(CHECK, 'is there; the first start notes it')];
  if (checkTextOf(key) === check.value['text']) return [ok(CHECK, 'is that of the database')];
  return [
    problem(
      CHECK,
      'is not the one that the database was set up with',
      'Set KEELSON_MASTER_KEY to that one, or restore its file',
    ),
  ];
}
