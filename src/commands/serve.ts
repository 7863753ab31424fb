import cluster from 'node:cluster';
import type { Command } from 'commander';
import type { Logger } from 'pino';
import { startApp, type Extension, type Fleet } from '../app.js';
import { readConfig, type Config } from '../config.js';
import { openRemoteStore } from '../store/remote/open-remote-store.js';
import { openProcessLog } from '../telemetry/process-log.js';
import { announceReady } from '../workers/fork-worker.js';
import { createLineWake } from '../workers/line-wake.js';
import { lineToSupervisor } from '../workers/worker-line.js';
import { answerWorkerState } from '../workers/worker-state.js';
import { failToStart, runUntilStopped } from './run-until-stopped.js';
import { serveWithWorkers, type WorkerReady } from './serve-with-workers.js';
import { welcome } from './welcome.js';

interface ServeOptions {
  readonly workers?: string;
  readonly services?: string;
}

/** `keelson serve`: runs every service until SIGTERM or SIGINT, in this process or in several. */
export function addServeCommand(program: Command): void {
  program
    .command('serve')
    .description('run all services; settings come from KEELSON_* (docs/configuration.md)')
    .option('--workers <n>', 'how many processes serve on the same ports (KEELSON_WORKERS)')
    .option('--services <names>', 'which services run here, by commas; "none" passes all calls on (KEELSON_SERVICES)')
    .action((options: ServeOptions) => serve(undefined, options));
}

/** Runs a server until it is told to stop, with the services of an extension where one is given, and ends the process. */
export async function serve(extension?: Extension, options: ServeOptions = {}): Promise<void> {
  try {
    const config = readConfig({ ...process.env, ...settingsOf(options) });
    const { log, close } = openProcessLog(config.logLevel);
    const clean = await run(config, log, extension);
    await close();
    process.exit(clean ? 0 : 1);
  } catch (err) {
    failToStart(err);
  }
}

/** An option is a setting by another name, and wins over the environment. */
function settingsOf({ workers, services }: ServeOptions): Readonly<Record<string, string>> {
  return {
    ...(workers !== undefined && { KEELSON_WORKERS: workers }),
    ...(services !== undefined && { KEELSON_SERVICES: services }),
  };
}

/** Gives whether everything was closed as it should be. */
async function run(config: Config, log: Logger, extension: Extension | undefined): Promise<boolean> {
  if (cluster.isWorker) return serveAsWorker(config, log, extension);
  if (config.workers > 1) return serveWithWorkers(config, log);
  const app = await startApp(config, { log, clock: { now: () => Date.now() }, extension });
  // Whoever reads the welcome may stop the server in the same moment.
  const stopped = runUntilStopped(app, config);
  process.stdout.write(welcome(config, app));
  return stopped;
}

async function serveAsWorker(config: Config, log: Logger, extension: Extension | undefined): Promise<boolean> {
  const line = lineToSupervisor();
  const fleet: Fleet = {
    openStore: config.storeUrl === undefined ? () => openRemoteStore(line) : undefined,
    wake: createLineWake(line),
    show: (state) => answerWorkerState(line, state),
  };
  const app = await startApp(config, { log, clock: { now: () => Date.now() }, extension, fleet });
  const { grpc, http, adminTokenFile } = app;
  const stopped = runUntilStopped(app, config);
  announceReady(line, { grpc, http, adminTokenFile } satisfies WorkerReady);
  return stopped;
}
