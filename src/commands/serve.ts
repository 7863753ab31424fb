import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import { destination, pino } from 'pino';
import { startApp } from '../app.js';
import { readConfig } from '../config.js';
import { failToStart, runUntilStopped } from './run-until-stopped.js';
import { welcome } from './welcome.js';

const STDERR = 2;

/** `keelson serve`: runs every service in this process until SIGTERM or SIGINT. */
export function addServeCommand(program: Command): void {
  program
    .command('serve')
    .description('run all services in this process; settings come from KEELSON_* (docs/configuration.md)')
    .action(serve);
}

async function serve(): Promise<void> {
  try {
    const config = readConfig(process.env);
    const logOutput = destination({ dest: STDERR, sync: false });
    const log = pino({ level: config.logLevel, base: { instance: randomUUID().slice(0, 8) } }, logOutput);
    const app = await startApp(config, { log, clock: { now: () => Date.now() } });
    process.stdout.write(welcome(config, app));
    const clean = await runUntilStopped(app, config);
    log.flush();
    logOutput.flushSync();
    process.exit(clean ? 0 : 1);
  } catch (err) {
    failToStart(err);
  }
}
