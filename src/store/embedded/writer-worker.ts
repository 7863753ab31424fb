// The thread that writes: a commit waits for the disk, and the thread that serves calls must not.
import { parentPort, workerData } from 'node:worker_threads';
import Database from 'libsql';
import type { WriterAnswer, WriterCall, WriterRequest } from './writer-calls.js';
import { openWriterDatabase, type WriterDatabase } from './writer-database.js';

const port = parentPort;
if (!port) throw new Error('Cannot start the writer: it must run as a worker thread');

const database = open(String(workerData));
if (database) port.on('message', (request: WriterRequest) => serve(database, request));

function open(path: string): WriterDatabase | undefined {
  try {
    const opened = openWriterDatabase(path);
    answer({ id: 0, result: undefined });
    return opened;
  } catch (err) {
    answer({ id: 0, failure: toError(err) });
    return undefined;
  }
}

function serve(db: WriterDatabase, { id, call }: WriterRequest): void {
  if (call === 'close') return close(db);
  try {
    answer({ id, result: perform(db, call) });
  } catch (err) {
    // After a failed write to the disk nobody knows what is on it. The thread ends, and all later calls fail.
    if (isDiskFailure(err)) throw err;
    answer({ id, failure: toError(err) });
  }
}

// The type of a call ties its argument to its name; TypeScript cannot follow that through one expression.
function perform(db: WriterDatabase, { name, argument }: WriterCall): unknown {
  const method = db[name] as (value: typeof argument) => unknown;
  return method(argument);
}

// The end of the thread is the answer.
function close(db: WriterDatabase): void {
  db.close();
  port?.close();
}

function answer(message: WriterAnswer): void {
  port?.postMessage(message);
}

function isDiskFailure(err: unknown): boolean {
  return err instanceof Database.SqliteError && /^SQLITE_(IOERR|CORRUPT)/.test(err.code);
}

/** Makes one that keeps its words on the way to the other thread, which the driver's own does not: it is no native error. */
function toError(err: unknown): Error {
  return new Error(err instanceof Error ? err.message : String(err));
}
