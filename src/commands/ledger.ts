import { type Command, InvalidArgumentError } from 'commander';
import { ConfigError, readConfig } from '../config.js';
import { LedgerError } from '../ledger/errors.js';
import { tailLog } from '../ledger/tail.js';
import { type VerifySummary, verifyLedger } from '../ledger/verify.js';
import { formatNote, type Note, parseNote } from '../ledger/verify-chain.js';
import { openStore } from '../storage.js';
import { StoreError } from '../store/errors.js';
import type { Store } from '../store/store.js';

/** `keelson ledger verify` and `keelson ledger tail`: look at the log of the store that the settings name. */
export function addLedgerCommand(program: Command): void {
  const ledger = program
    .command('ledger')
    .description('look at the log; the store comes from KEELSON_* (docs/configuration.md)');
  ledger
    .command('verify')
    .description(
      'hold every entry against the one before it and every document against the log; exits with 1 at a fault',
    )
    .option('--note <note>', 'what an earlier run printed as "note": REVISION:HASH, or a hash alone', toNote)
    .action(async ({ note }: { readonly note?: Note }) => {
      process.exitCode = await withStore((store) => verify(store, note));
    });
  ledger
    .command('tail')
    .description('print commits as JSON, one a line')
    .option('--after <revision>', 'only commits above this revision', toRevision)
    .option('--follow', 'wait for more at the end', false)
    .action(async (options: { readonly after?: number; readonly follow: boolean }) => {
      process.exitCode = await withStore((store) => tail(store, options));
    });
}

async function verify(store: Store, note: Note | undefined): Promise<number> {
  const verification = await verifyLedger(store, { note, onProgress: showProgress() });
  if (verification.ok) return printSummary(verification.summary);
  if (process.stderr.isTTY) process.stderr.write(ERASE_LINE);
  process.stdout.write(`${verification.fault.message}\n`);
  return 1;
}

/** Prints what verifying came to, and gives the exit code. */
export function printSummary({ end, floor, entries, documents, unvouched }: VerifySummary): number {
  if (process.stderr.isTTY) process.stderr.write(ERASE_LINE);
  const from = floor.revision === 0 ? '' : `, the rest up to ${floor.revision} was dropped by retention`;
  process.stdout.write(`${entries} entries up to revision ${end.revision} are whole${from}\n`);
  process.stdout.write(`${documents} documents are as their last commit left them`);
  process.stdout.write(unvouched === 0 ? '\n' : `; nothing vouches for ${unvouched} whose last commit was dropped\n`);
  process.stdout.write(`note ${formatNote(end)}\n`);
  return 0;
}

const BAR_WIDTH = 40;
const ERASE_LINE = '\r\u001B[K';

/** Gives what shows how far verifying has come to a person who waits, and to nobody else. */
export function showProgress(): ((revision: number, last: number) => void) | undefined {
  return process.stderr.isTTY ? drawBar : undefined;
}

function drawBar(revision: number, last: number): void {
  const filled = Math.floor((revision / last) * BAR_WIDTH);
  process.stderr.write(`\r[${'#'.repeat(filled)}${' '.repeat(BAR_WIDTH - filled)}] revision ${revision} of ${last}`);
}

async function tail(store: Store, options: { readonly after?: number; readonly follow: boolean }): Promise<number> {
  const controller = new AbortController();
  process.once('SIGINT', () => controller.abort());
  for await (const commit of tailLog(store, { ...options, signal: controller.signal })) {
    process.stdout.write(`${JSON.stringify(commit)}\n`);
  }
  return 0;
}

/** Works on the store that the settings name, with no server. */
export function withStore(work: (store: Store) => Promise<number>): Promise<number> {
  return tellMistakes(async () => {
    const store = await openStore(readConfig(process.env));
    try {
      return await work(store);
    } finally {
      await store.close();
    }
  });
}

/** Does the work of a command. Mistakes that a person can mend are told in a sentence; anything else with its stack. */
export async function tellMistakes(work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (err) {
    if (!(err instanceof ConfigError || err instanceof StoreError || err instanceof LedgerError)) throw err;
    process.stderr.write(`${err.message}\n`);
    return 1;
  }
}

/** Reads the value of `--note`. */
export function toNote(text: string): Note {
  const note = parseNote(text);
  if (!note) throw new InvalidArgumentError('must be REVISION:HASH or HASH, as "keelson ledger verify" prints it');
  return note;
}

function toRevision(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('must be a whole number');
  return Number(text);
}
