import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { startApp } from '../../src/app.js';
import { formatAddress, readConfig } from '../../src/config.js';

/** A whole server in this process, on free ports and a new data directory. */
export interface TestApp {
  /** `host:port` of gRPC. */
  readonly address: string;
  /** The base URL of the HTTP shim. */
  readonly http: string;
  readonly token: string;
  /** The base URL of the admin listener; empty without one. */
  readonly admin: string;
  /** Stops the server and removes its data. */
  close(): Promise<void>;
}

export async function startTestApp(settings: Readonly<Record<string, string>> = {}): Promise<TestApp> {
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
    token: (await readFile(app.adminTokenFile, 'utf8')).trim(),
    async close() {
      await app.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
