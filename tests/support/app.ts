import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { startApp } from '../../src/app.js';
import { formatAddress, readConfig } from '../../src/config.js';
import { startServerProcess } from './server-process.js';
import { startServiceProcesses } from './service-processes.js';

/** A whole server in this process, on free ports and a new data directory. */
export interface TestApp {
  /** `host:port` of gRPC. */
  readonly address: string;
  /** The base URL of the HTTP shim. */
  readonly http: string;
  /** Of the first administrator; empty where another server on the same database made it. */
  readonly token: string;
  /** The base URL of the admin listener; empty without one. */
  readonly admin: string;
  /** Stops the server and removes its data. */
  close(): Promise<void>;
}

/**
 * Starts a server in the shape that KEELSON_TEST_SHAPE names: `one` process, which is this one, two `workers`, or one
 * `service` a process, of which the address is that of one that runs none and passes all calls on.
 */
export async function startTestApp(settings: Readonly<Record<string, string>> = {}): Promise<TestApp> {
  switch (process.env['KEELSON_TEST_SHAPE'] ?? 'one') {
    case 'one':
      return startInProcess(settings);
    case 'workers':
      return startServerProcess({ args: ['--workers', '2'], settings: { KEELSON_LOG_LEVEL: 'warn', ...settings } });
    case 'services':
      return startServiceProcesses(settings);
    default:
      throw new Error('KEELSON_TEST_SHAPE must be one, workers or services');
  }
}

async function startInProcess(settings: Readonly<Record<string, string>>): Promise<TestApp> {
  const dataDir = await mkdtemp(join(tmpdir(), 'keelson-app-'));
  const config = readConfig({
    KEELSON_GRPC_LISTEN: '127.0.0.1:0',
    KEELSON_HTTP_LISTEN: '127.0.0.1:0',
    KEELSON_DATA_DIR: dataDir,
    KEELSON_LOG_LEVEL: 'silent',
    KEELSON_SETTLE_MS: '0',
    ...settings,
  });
  const app = await startApp(config, { log: pino({ level: config.logLevel }), clock: { now: () => Date.now() } });
  return {
    address: formatAddress(app.grpc),
    http: `http://${formatAddress(app.http)}`,
    admin: app.admin === undefined ? '' : `http://${formatAddress(app.admin)}`,
    token: (await readFile(app.adminTokenFile, 'utf8').catch(() => '')).trim(),
    async close() {
      await app.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
