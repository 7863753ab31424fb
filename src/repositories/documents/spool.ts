import { mkdtemp, open, rm, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonValue } from '../../store/json-value.js';
import { SnapshotError } from './errors.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

/** What is kept in memory; more goes to a file. */
export const SPOOL_MEMORY_MAX = 4 * MIB;

/** What one call may keep in a file. */
export const SPOOL_BYTES_MAX = 4 * GIB;

const CHUNK_BYTES = MIB;

/** Keeps any number of records in their order, in little memory. */
export interface Spool {
  /** Throws SnapshotError `too-large`. */
  add(record: JsonValue): Promise<void>;
  /** Gives the records, once; nothing may be added any more. */
  read(): AsyncIterable<JsonValue>;
  /** Removes the file, if there is one. */
  close(): Promise<void>;
}

export function createSpool(options: { readonly memoryMax?: number; readonly bytesMax?: number } = {}): Spool {
  const { memoryMax = SPOOL_MEMORY_MAX, bytesMax = SPOOL_BYTES_MAX } = options;
  let lines: string[] = [];
  let pending = 0;
  let total = 0;
  let file: SpoolFile | undefined;
  const flush = async () => {
    file ??= await openSpoolFile();
    await file.handle.appendFile(lines.join(''));
    lines = [];
    pending = 0;
  };
  return {
    add: async (record) => {
      const line = toLine(record);
      total += line.length;
      pending += line.length;
      if (total > bytesMax) throw new SnapshotError('too-large', `More than ${bytesMax} bytes are found`);
      lines.push(line);
      if (pending > (file === undefined ? memoryMax : CHUNK_BYTES)) await flush();
    },
    read: async function* () {
      if (file !== undefined) {
        await flush();
        const { handle } = file;
        for await (const line of handle.readLines({ start: 0, autoClose: false })) yield JSON.parse(line) as JsonValue;
      }
      for (const line of lines) yield JSON.parse(line) as JsonValue;
    },
    close: async () => {
      lines = [];
      await file?.remove();
      file = undefined;
    },
  };
}

// Readers of lines take these two for the end of one.
function toLine(record: JsonValue): string {
  const text = JSON.stringify(record).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
  return `${text}\n`;
}

interface SpoolFile {
  readonly handle: FileHandle;
  remove(): Promise<void>;
}

async function openSpoolFile(): Promise<SpoolFile> {
  const directory = await mkdtemp(join(tmpdir(), 'keelson-spool-'));
  const handle = await open(join(directory, 'records'), 'a+', 0o600);
  return {
    handle,
    remove: async () => {
      await handle.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
