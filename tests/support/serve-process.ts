import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const START_MS_MAX = 30_000;

/** A process that runs `keelson serve`, which a test kills and starts again. */
export interface ServeProcess {
  /** The process as it is now. */
  readonly pid: number;
  /** `host:port` of gRPC; another one after a restart. */
  readonly address: string;
  /** Kills it as a power cut would, and starts it again; resolves when it serves. */
  restart(): Promise<void>;
  /** The token that the first server of a database leaves in its data directory. */
  readToken(): Promise<string>;
  /** Ends it for good. */
  end(): Promise<void>;
}

/** Starts it on free ports; the settings are those of the environment. `dataDir` is left to the caller. */
export async function startServeProcess(
  dataDir: string,
  settings: Readonly<Record<string, string>>,
): Promise<ServeProcess> {
  const env = {
    PATH: process.env['PATH'],
    KEELSON_GRPC_LISTEN: '127.0.0.1:0',
    KEELSON_HTTP_LISTEN: '127.0.0.1:0',
    KEELSON_DATA_DIR: dataDir,
    KEELSON_LOG_LEVEL: 'silent',
    ...settings,
  };
  let child: ChildProcess;
  let exited: Promise<unknown>;
  let address = '';

  const start = async () => {
    child = spawn(process.execPath, ['bin/keelson.mjs', 'serve'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    exited = once(child, 'exit');
    address = await untilReady(child);
  };
  const kill = async () => {
    child.kill('SIGKILL');
    await exited;
  };
  await start();
  return {
    get pid() {
      return child.pid ?? 0;
    },
    get address() {
      return address;
    },
    restart: async () => {
      await kill();
      await start();
    },
    readToken: async () => (await readFile(join(dataDir, 'admin-token'), 'utf8')).trim(),
    end: kill,
  };
}

async function untilReady(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new TypeError('Standard output is not a pipe');
  const late = setTimeout(() => child.kill('SIGKILL'), START_MS_MAX);
  const lines = createInterface({ input: child.stdout });
  try {
    for await (const line of lines) {
      const [, grpc] = /^keelson ready grpc=(\S+) /.exec(line) ?? [];
      if (grpc !== undefined) return grpc;
    }
    throw new Error('The server ended before it was ready');
  } finally {
    clearTimeout(late);
  }
}
