import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { startApp } from '../src/app.js';
import { formatAddress, readConfig } from '../src/config.js';

/** A server that an example talks to. */
export interface ExampleServer {
  /** `host:port` of gRPC. */
  readonly address: string;
  /** The base URL of the HTTP shim. */
  readonly http: string;
  readonly token: string;
  stop(): Promise<void>;
}

/** Takes the server that the environment names, or starts one in this process that leaves nothing behind. */
export async function findServer(): Promise<ExampleServer> {
  const { KEELSON_ADDRESS: address, KEELSON_TOKEN: token } = process.env;
  const http = process.env['KEELSON_HTTP'] ?? 'http://127.0.0.1:8080';
  if (address !== undefined && token !== undefined) return { address, http, token, stop: async () => undefined };
  return startOwnServer();
}

async function startOwnServer(): Promise<ExampleServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'keelson-example-'));
  const config = readConfig({
    KEELSON_GRPC_LISTEN: '127.0.0.1:0',
    KEELSON_HTTP_LISTEN: '127.0.0.1:0',
    KEELSON_DATA_DIR: dataDir,
    KEELSON_LOG_LEVEL: 'warn',
  });
  const app = await startApp(config, { log: pino({ level: config.logLevel }), clock: { now: () => Date.now() } });
  return {
    address: formatAddress(app.grpc),
    http: `http://${formatAddress(app.http)}`,
    token: (await readFile(app.adminTokenFile, 'utf8')).trim(),
    async stop() {
      await app.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
