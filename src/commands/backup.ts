import type { Command } from 'commander';
import { backUp, restore } from '../backup.js';
import { readConfig } from '../config.js';
import type { Note } from '../ledger/verify-chain.js';
import { printSummary, showProgress, tellMistakes, toNote } from './ledger.js';

/** `keelson backup` and `keelson restore`: copy the database that the settings name into a file, and back. */
export function addBackupCommands(program: Command): void {
  program
    .command('backup')
    .description(
      'copy the database into a file, while servers go on, and verify the copy; the store comes from KEELSON_*',
    )
    .argument('<file>', 'where to; it must not be there')
    .action(async (file: string) => {
      process.exitCode = await tellMistakes(async () => {
        const summary = await backUp(readConfig(process.env), file, { onProgress: showProgress() });
        return printSummary(summary);
      });
    });
  program
    .command('restore')
    .description(
      'verify a backup and fill an empty data directory or MongoDB database from it, whichever it was taken of',
    )
    .argument('<file>', 'what "keelson backup" wrote')
    .option('--note <note>', 'what "keelson backup" printed as "note", kept elsewhere', toNote)
    .action(async (file: string, { note }: { readonly note?: Note }) => {
      process.exitCode = await tellMistakes(async () => {
        const summary = await restore(readConfig(process.env), file, { note, onProgress: showProgress() });
        return printSummary(summary);
      });
    });
}
