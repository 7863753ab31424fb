import type { Config } from './config.js';
import { copyLedger } from './ledger/copy-ledger.js';
import { verifyLedger, type VerifySummary, type VerifyOptions } from './ledger/verify.js';
import { openStore } from './storage.js';
import type { Backup } from './store/backup.js';
import { copyDatabase, createBackupFile, openBackupFile } from './store/embedded/backup-file.js';
import { restoreDatabase } from './store/embedded/restore-database.js';
import { BackupIncompleteError } from './store/errors.js';
import { restoreMongoDatabase } from './store/mongo/restore-database.js';

type Where = Pick<Config, 'storeUrl' | 'dataDir'>;

/**
 * Writes a backup of the database that the settings name, and verifies it. Servers may go on meanwhile: every commit that was
 * acknowledged before the call is in it. A backup is a file of the embedded engine, whatever it was taken of.
 */
export async function backUp(config: Where, path: string, options: VerifyOptions = {}): Promise<VerifySummary> {
  if (config.storeUrl === undefined) copyDatabase(config.dataDir, path);
  else await copyFromServer(config, path);
  return readBackup(path, (backup) => verify(backup, path, options));
}

/**
 * Fills the empty place that the settings name from a backup of either engine, which is verified first. Throws
 * BackupIncompleteError for a file that is no whole backup, and NotEmptyError where there is a database already.
 */
export async function restore(config: Where, path: string, options: VerifyOptions = {}): Promise<VerifySummary> {
  const { storeUrl, dataDir } = config;
  return readBackup(path, async (backup) => {
    const summary = await verify(backup, path, options);
    if (storeUrl === undefined) restoreDatabase(path, dataDir);
    else await restoreMongoDatabase(storeUrl, backup);
    return summary;
  });
}

async function copyFromServer(config: Where, path: string): Promise<void> {
  const store = await openStore(config);
  try {
    const target = createBackupFile(path, store.databaseId);
    try {
      await copyLedger(store, target);
      target.finish();
    } catch (err) {
      target.discard();
      throw err;
    }
  } finally {
    await store.close();
  }
}

async function readBackup<T>(path: string, work: (backup: Backup) => Promise<T>): Promise<T> {
  const backup = openBackupFile(path);
  try {
    return await work(backup);
  } finally {
    backup.close();
  }
}

async function verify(backup: Backup, path: string, options: VerifyOptions): Promise<VerifySummary> {
  const verification = await verifyLedger(backup, options);
  if (!verification.ok) throw new BackupIncompleteError(path, verification.fault.message);
  return verification.summary;
}
