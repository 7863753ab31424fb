import { constants, copyFileSync, existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { NotEmptyError } from '../errors.js';
import { flush, removeMark } from './backup-file.js';
import { holdDataDirectory } from './data-directory.js';

// A log that was left behind would be taken for that of the database that is put in its place.
const DATABASE_FILES = ['keelson.db', 'keelson.db-wal', 'keelson.db-shm', 'keelson.db-journal'];

/** Puts a copy of a backup, which was looked over, into a data directory that holds no database and that nobody has open. */
export function restoreDatabase(backupPath: string, dataDir: string): void {
  const directory = holdDataDirectory(dataDir);
  const partial = `${directory.databasePath}.restoring`;
  try {
    const found = DATABASE_FILES.find((name) => existsSync(join(dataDir, name)));
    if (found !== undefined) throw new NotEmptyError('restore into', dataDir, `it has "${found}"`);
    copyFileSync(backupPath, partial, constants.COPYFILE_FICLONE);
    removeMark(partial);
    renameSync(partial, directory.databasePath);
    flush(dataDir);
  } catch (err) {
    rmSync(partial, { force: true });
    throw err;
  } finally {
    directory.release();
  }
}
