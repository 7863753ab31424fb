import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { destination, pino, type Logger } from 'pino';

const STDERR = 2;
/** Lines wait so long for others, or until they are this long together: a write costs as much as some calls do. */
const BATCH_MS = 10;
const BATCH_CHARACTERS_MAX = 64 * 1024;
/** How long the end of a process waits for whoever reads its log. */
const CLOSE_MS_MAX = 1_000;

/** Where a process writes its log. */
export interface ProcessLog {
  readonly log: Logger;
  /** Resolves when what was logged is written down. What is still logged at the end of the process is written as well. */
  readonly close: () => Promise<void>;
}

/**
 * Opens the log of a process: a line of JSON for each entry, on standard error or in a file. Lines are written together, a moment
 * after the first of them. What ends by itself has written them all; who is killed may have lost those of the last moment.
 */
export function openProcessLog(level: string, dest: number | string = STDERR): ProcessLog {
  // A file is open before the first line, for one that ends at once has to be written too.
  const output = destination({ dest: typeof dest === 'string' ? openSync(dest, 'a') : dest, sync: false });
  let lines = '';
  let isWriting = false;
  output.on('drain', () => {
    isWriting = false;
  });
  let timer: NodeJS.Timeout | undefined;
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    if (lines === '') return;
    isWriting = true;
    output.write(lines);
    lines = '';
  };
  // What is written at once would overtake what is on its way.
  const close = async () => {
    flush();
    if (isWriting) await once(output, 'drain', { signal: AbortSignal.timeout(CLOSE_MS_MAX) }).catch(() => {});
  };
  const write = (line: string) => {
    timer ??= setTimeout(flush, BATCH_MS).unref();
    lines += line;
    if (lines.length >= BATCH_CHARACTERS_MAX) flush();
  };
  // Who ends by an error has written why a moment before.
  process.once('exit', () => {
    flush();
    output.flushSync();
  });
  return { log: pino({ level, base: { instance: randomUUID().slice(0, 8) } }, { write }), close };
}
