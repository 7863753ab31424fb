import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import { destination, pino } from 'pino';
import { startApp, type App } from '../app.js';
import { ConfigError, readConfig, type Config } from '../config.js';
import { ContractError } from '../rpc/method-table.js';
import { StoreError } from '../store/errors.js';
import { welcome } from './welcome.js';

const STDERR = 2;
/** What a stop may take beyond the drain timeout before the process ends without having closed everything. */
const CLOSE_GRACE_MS = 5000;
const REPEATED_SIGNAL_MS = 1000;

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
    await stopSignal();
    const clean = await closeInTime(app, config);
    log.flush();
    logOutput.flushSync();
    process.exit(clean ? 0 : 1);
  } catch (err) {
    process.stderr.write(`Keelson cannot start.\n${explain(err)}\n`);
    process.exit(1);
  }
}

/**
 * Waits for SIGTERM or SIGINT. Another one ends the process at once, for whoever does not want to wait; but not within a
 * second of the first, for Ctrl-C reaches a process under npm twice: from the terminal and from npm.
 */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let firstMs: number | undefined;
    const onSignal = () => {
      firstMs ??= performance.now();
      if (performance.now() - firstMs > REPEATED_SIGNAL_MS) process.exit(1);
      resolve();
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}

async function closeInTime(app: App, config: Config): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), config.drainTimeoutMs + CLOSE_GRACE_MS);
  });
  const closed = app.close().then(() => true);
  const clean = await Promise.race([closed, late]);
  clearTimeout(timer);
  return clean;
}

/** Mistakes that a person can mend are told in a sentence; anything else with its stack. */
function explain(err: unknown): string {
  if (err instanceof ConfigError || err instanceof ContractError || err instanceof StoreError) {
    return err.cause instanceof Error ? `${err.message} (${err.cause.message})` : err.message;
  }
  if (!(err instanceof Error)) return String(err);
  if ('code' in err && err.code === 'EADDRINUSE') return `${err.message}: another process listens there`;
  return err.stack ?? err.message;
}
