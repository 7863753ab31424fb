import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Bench } from './bench.js';
import { startProgram, type Program } from './program.js';

/** The folder of the checkout; compiled, this file is two folders below it. */
const ROOT = new URL('../../', import.meta.url);
const PEERS = fileURLToPath(new URL('.build/peers/', ROOT));
const GO_PEERS = fileURLToPath(new URL('.build/go-peers/peers', ROOT));
const GATEWAY = fileURLToPath(new URL('bin/keelson.mjs', ROOT));
const KEELSON = fileURLToPath(new URL('servers/keelson.js', import.meta.url));

/** A server that runs, and where. */
export interface Running extends Program {
  /** `host:port`. */
  readonly address: string;
}

/** A Keelson server, with all its stages on, and a log that goes to a file. */
export interface RunningKeelson extends Running {
  /** The base URL of the HTTP shim. */
  readonly http: string;
  readonly token: string;
  readonly logFile: string;
}

/** Where the HTTP shim is, in the process of a server or in another. */
export type GatewayAddress = Pick<RunningKeelson, 'http' | 'token'>;

export interface KeelsonOptions {
  readonly settings?: Readonly<Record<string, string>>;
  /** The core of the server where it is left out. */
  readonly cores?: string | undefined;
  /** Options of Node. */
  readonly nodeArgs?: readonly string[];
}

/** Starts what `keelson serve` starts, with the echo service beside the others. */
export async function startKeelson(
  bench: Bench,
  { settings, cores, nodeArgs = [] }: KeelsonOptions = {},
): Promise<RunningKeelson> {
  const folder = await bench.folder();
  const [dataDir, logFile] = [join(folder, 'data'), join(folder, 'log')];
  const program = await startProgram({
    command: [process.execPath, ...nodeArgs, KEELSON],
    readyLine: /keelson ready grpc=(\S+) http=(\S+)/,
    env: {
      KEELSON_GRPC_LISTEN: '127.0.0.1:0',
      KEELSON_HTTP_LISTEN: '127.0.0.1:0',
      KEELSON_ADMIN_LISTEN: '127.0.0.1:0',
      KEELSON_DATA_DIR: dataDir,
      // The limit is on, but whatever else runs on the machine must not make it refuse calls.
      KEELSON_LATENESS_MS_MAX: '2000',
      ...settings,
    },
    logFile,
    cores: cores ?? bench.cores.server,
  });
  bench.closing(program);
  const [address = '', http = ''] = program.ready;
  const token = (await readFile(join(dataDir, 'admin-token'), 'utf8')).trim();
  return { ...program, address, http: `http://${http}`, token, logFile };
}

/** Starts a peer: a file of bench/peers. */
export async function startPeer(bench: Bench, file: string, ...args: string[]): Promise<Running> {
  return startCommand(bench, [process.execPath, join(PEERS, file), ...args]);
}

/** Starts `keelson gateway` before a server, on the core of the servers, with metrics and a log as the server has them. */
export async function startGateway(bench: Bench, { address, token }: RunningKeelson): Promise<GatewayAddress> {
  const program = await startProgram({
    command: [process.execPath, GATEWAY, 'gateway', '--upstream', address],
    readyLine: /keelson ready http=(\S+)/,
    env: {
      KEELSON_HTTP_LISTEN: '127.0.0.1:0',
      KEELSON_ADMIN_LISTEN: '127.0.0.1:0',
      KEELSON_LATENESS_MS_MAX: '2000',
    },
    logFile: join(await bench.folder(), 'log'),
    cores: bench.cores.server,
  });
  bench.closing(program);
  return { http: `http://${program.ready[0] ?? ''}`, token };
}

/** Tells whether the peers in Go are built, which they are where Go is there. */
export function hasGoPeers(): boolean {
  return existsSync(GO_PEERS);
}

/** Starts bare grpc-go, or grpc-gateway before an address, with one thread at a time for the one core. */
export function startGoPeer(bench: Bench, ...args: readonly string[]): Promise<Running> {
  return startCommand(bench, [GO_PEERS, ...args], { GOMAXPROCS: '1' });
}

/** Starts a peer by a command that says `ready HOST:PORT`. */
export async function startCommand(
  bench: Bench,
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Running> {
  const logFile = join(await bench.folder(), 'log');
  const program = await startProgram({
    command,
    readyLine: /^ready (\S+)$/m,
    env: { NODE_ENV: 'production', ...env },
    logFile,
    cores: bench.cores.server,
  });
  bench.closing(program);
  return { ...program, address: program.ready[0] ?? '' };
}
