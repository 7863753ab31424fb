import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { DataDirectoryInUseError } from '../errors.js';

/** A data directory that this process holds until it closes it or ends, however it ends. */
export interface DataDirectory {
  readonly databasePath: string;
  release(): void;
}

/**
 * Takes the directory for this process, making it if it is not there. A directory that is held, by this process or
 * another, is refused with DataDirectoryInUseError.
 *
 * The hold is an exclusive transaction on a file of its own, that is, a lock that the operating system keeps and drops
 * with the process. A file with a process id would outlive a kill and might name a stranger.
 */
export function holdDataDirectory(path: string): DataDirectory {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const lock = new Database(join(path, 'keelson.lock'));
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    lock.close();
    throw isBusy(cause) ? new DataDirectoryInUseError(path, { cause }) : cause;
  }
  return { databasePath: join(path, 'keelson.db'), release: () => lock.close() };
}

function isBusy(err: unknown): boolean {
  return err instanceof Database.SqliteError && err.code.startsWith('SQLITE_BUSY');
}
