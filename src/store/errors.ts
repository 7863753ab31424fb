/** A failure of storage that whoever starts or runs the process can act on. */
export abstract class StoreError extends Error {
  abstract readonly reason: string;
}

/** Another process serves this data directory. */
export class DataDirectoryInUseError extends StoreError {
  readonly reason = 'DATA_DIRECTORY_IN_USE';
  override readonly name = 'DataDirectoryInUseError';

  constructor(directory: string, options?: ErrorOptions) {
    super(`Cannot open data directory "${directory}": another process has it open`, options);
  }
}

/** The data was written by a newer release. It was not touched. */
export class NewerDataFormatError extends StoreError {
  readonly reason = 'NEWER_DATA_FORMAT';
  override readonly name = 'NewerDataFormatError';

  constructor(where: string, found: number, newestKnown: number) {
    super(`Cannot open "${where}": its format is ${found}, this release knows formats up to ${newestKnown}`);
  }
}

/** What was opened is not a ledger, or has no place for one. */
export class ForeignDataError extends StoreError {
  readonly reason = 'FOREIGN_DATA';
  override readonly name = 'ForeignDataError';

  constructor(where: string) {
    super(`Cannot open "${where}": it holds data, and not that of a ledger`);
  }
}

/** A collection has a name that the engines cannot give it. */
export class InvalidCollectionNameError extends StoreError {
  readonly reason = 'INVALID_COLLECTION_NAME';
  override readonly name = 'InvalidCollectionNameError';

  constructor(name: string) {
    super(
      `Cannot declare collection ${JSON.stringify(name)}: a name is a lower-case letter and up to 62 of a-z 0-9 _ -`,
    );
  }
}

/** The engine could not do what was asked; if it was an append, nothing was written. The cause tells why. */
export class StoreFailedError extends StoreError {
  readonly reason = 'STORE_FAILED';
  override readonly name = 'StoreFailedError';

  constructor(action: string, options?: ErrorOptions) {
    super(`Cannot ${action}: the database failed`, options);
  }
}

/** The disk failed in the middle of a write: what was not acknowledged may be there or not. Start the process again. */
export class StoreBrokenError extends StoreError {
  readonly reason = 'STORE_BROKEN';
  override readonly name = 'StoreBrokenError';

  constructor(options?: ErrorOptions) {
    super('Cannot use the store: the disk failed during a write, and the process has to be started again', options);
  }
}

/** The database is another one now, or went back to an earlier state, which no process must build on. */
export class StoreReplacedError extends StoreError {
  readonly reason = 'STORE_REPLACED';
  override readonly name = 'StoreReplacedError';

  constructor() {
    super(
      'Cannot use the store: the database is not the one that was opened, or has lost what this process saw in it; stop all processes, restore a backup, and start them',
    );
  }
}

/** The store was closed before the work was done. */
export class StoreClosedError extends StoreError {
  readonly reason = 'STORE_CLOSED';
  override readonly name = 'StoreClosedError';

  constructor() {
    super('Cannot use the store: it is closed');
  }
}

/** A backup could not be taken. */
export class BackupFailedError extends StoreError {
  readonly reason = 'BACKUP_FAILED';
  override readonly name = 'BackupFailedError';

  constructor(what: string, why: string) {
    super(`Cannot back up ${what}: ${why}`);
  }
}

/** A file is no whole backup. */
export class BackupIncompleteError extends StoreError {
  readonly reason = 'BACKUP_INCOMPLETE';
  override readonly name = 'BackupIncompleteError';

  constructor(path: string, why: string) {
    super(`Cannot use backup "${path}": ${why}`);
  }
}

/** What would be written is there already. It was not touched. */
export class NotEmptyError extends StoreError {
  readonly reason = 'NOT_EMPTY';
  override readonly name = 'NotEmptyError';

  constructor(action: string, where: string, found: string) {
    super(`Cannot ${action} "${where}": ${found}`);
  }
}

/** A database whose restore was cut short, or still runs. */
export class RestoreUnfinishedError extends StoreError {
  readonly reason = 'RESTORE_UNFINISHED';
  override readonly name = 'RestoreUnfinishedError';

  constructor(where: string) {
    super(
      `Cannot open "${where}": a restore into it has not ended; where none runs, drop the database and restore again`,
    );
  }
}
