import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Bench } from './bench.js';
import { startProgram, type Program } from './program.js';

/** The folder of the checkout; compiled, this file is two folders below it. */
const ROOT = new URL('../../', import.meta.url);
const PEERS = fileURLToPath(new URL('.build/peers/', ROOT));
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
