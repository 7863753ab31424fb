import { Command } from 'commander';
import { addBackupCommands } from './commands/backup.js';
import { addCallCommand } from './commands/call.js';
import { addConfigCommand } from './commands/config.js';
import { addDoctorCommand } from './commands/doctor.js';
import { addExportCommand } from './commands/export.js';
import { addGatewayCommand } from './commands/gateway.js';
import { addHealthCommand } from './commands/health.js';
import { addImportCommand } from './commands/import.js';
import { addLedgerCommand } from './commands/ledger.js';
import { addNewCommand } from './commands/new.js';
import { addServeCommand } from './commands/serve.js';
import { addTokenCommand } from './commands/token.js';

/** Runs the `keelson` command. */
export async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('keelson')
    .description('The inner backbone of a backend: typed gRPC services, and the command to run and call them')
    .showHelpAfterError('Run "keelson --help" to see the commands');
  addServeCommand(program);
  addGatewayCommand(program);
  addCallCommand(program);
  addConfigCommand(program);
  addDoctorCommand(program);
  addImportCommand(program);
  addExportCommand(program);
  addHealthCommand(program);
  addLedgerCommand(program);
  addTokenCommand(program);
  addBackupCommands(program);
  addNewCommand(program);
  await program.parseAsync(argv);
}
