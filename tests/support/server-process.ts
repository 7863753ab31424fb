import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const STARTED = /^keelson ready grpc=(\S+) http=(\S+)$/;

/** A process that runs `keelson serve`, and whatever it starts. */
export interface ServerProcess {
  readonly child: ChildProcess;
  /** `host:port` of gRPC. */
  readonly address: string;
  /** The base URL of the HTTP shim. */
  readonly http: string;
  /** The base URL of the admin listener; empty without one. */
  readonly admin: string;
  /** The first admin's. */
  readonly token: string;
  /** The lines of the log so far. */
  readonly logLines: readonly Record<string, unknown>[];
  /** Asks it to end, and gives the code with which it did. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  /** The same, and removes its data directory where that was made for it. */
  close(): Promise<void>;
}

export interface ServerProcessOptions {
  readonly args?: readonly string[];
  readonly settings?: Readonly<Record<string, string>>;
}

/** Starts a server on free ports, in a data directory of its own unless the settings name one, and waits until it serves. */
export async function startServerProcess({ args = [], settings = {} }: ServerProcessOptions): Promise<ServerProcess> {
  const ownDir = await mkdtemp(join(tmpdir(), 'keelson-server-'));
  const env = {
    PATH: process.env['PATH'],
    KEELSON_GRPC_LISTEN: '127.0.0.1:0',
    KEELSON_HTTP_LISTEN: '127.0.0.1:0',
    KEELSON_DATA_DIR: ownDir,
    KEELSON_SETTLE_MS: '0',
    ...settings,
  };
  const child = spawn(process.execPath, ['bin/keelson.mjs', 'serve', ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  const logLines: Record<string, unknown>[] = [];
  const stderr: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    stderr.push(line);
    if (line.startsWith('{')) logLines.push(JSON.parse(line) as Record<string, unknown>);
  });
  const closed = once(child, 'close');
  const started = await readUntilReady(child);
  if (started === undefined) await closed;
  if (started === undefined) throw new Error(`The server ended before it was ready:\n${stderr.join('\n')}`);
  const stop = (signal: NodeJS.Signals = 'SIGTERM') => {
    child.kill(signal);
    return ended;
  };
  return {
    child,
    ...started,
    token: (await readFile(join(env.KEELSON_DATA_DIR, 'admin-token'), 'utf8').catch(() => '')).trim(),
    logLines,
    stop,
    async close() {
      await stop();
      await rm(ownDir, { recursive: true, force: true });
    },
  };
}

type Started = Pick<ServerProcess, 'address' | 'http' | 'admin'>;

async function readUntilReady(child: ChildProcess): Promise<Started | undefined> {
  if (child.stdout === null) throw new TypeError('Standard output is not a pipe');
  let admin = '';
  for await (const line of createInterface({ input: child.stdout })) {
    admin = /^ +admin +(http:\/\/[^/]+)/.exec(line)?.[1] ?? admin;
    const [, address, http] = STARTED.exec(line) ?? [];
    if (address !== undefined && http !== undefined) return { address, http: `http://${http}`, admin };
  }
  return undefined;
}
