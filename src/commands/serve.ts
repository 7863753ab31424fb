import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import { destination, pino } from 'pino';
import { startApp, type Extension } from '../app.js';
import { readConfig } from '../config.js';
import { failToStart, runUntilStopped } from './run-until-stopped.js';
import { welcome } from './welcome.js';

const STDERR = 2;

/** `keelson serve`: runs every service in this process until SIGTERM or SIGINT. */
export function addServeCommand(program: Command): void {
  program
    .command('serve')
    .description('run all services in this process; settings come from KEELSON_* (docs/configuration.md)')
    .action(() => serve());
}

/** Runs a server until it is told to stop, with the services of an extension where one is given, and ends the process. */
export async function serve(extension?: Extension): Promise<void> {
  try {
    const config = readConfig(process.env);
    const logOutput = destination({ dest: STDERR, sync: false });
    const log = pino({ level: config.logLevel, base: { instance: randomUUID().slice(0, 8) } }, logOutput);
    const app = await startApp(config, { log, clock: { now: () => Date.now() }, extension });
    process.stdout.write(welcome(config, app));
    const clean = await runUntilStopped(app, config);
    log.flush();
    logOutput.flushSync();
    process.exit(clean ? 0 : 1);
  } catch (err) {
    failToStart(err);
  }
}
