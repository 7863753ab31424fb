import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** A process that runs `keelson gateway`. */
export interface GatewayProcess {
  readonly pid: number;
  /** The base URL of its listener. */
  readonly http: string;
  /** The lines of the log so far. */
  readonly logLines: readonly Record<string, unknown>[];
  /** Ends it as an operator does. */
  stop(): Promise<void>;
  close(): Promise<void>;
}

export interface GatewayProcessOptions {
  readonly args: readonly string[];
  readonly settings?: Readonly<Record<string, string>>;
}

/** Starts a gateway on a free port and waits until it serves. It is killed at the end, for it has nothing to lose. */
export async function startGatewayProcess({ args, settings = {} }: GatewayProcessOptions): Promise<GatewayProcess> {
  const child = spawn(process.execPath, ['bin/keelson.mjs', 'gateway', ...args], {
    env: { PATH: process.env['PATH'], KEELSON_HTTP_LISTEN: '127.0.0.1:0', KEELSON_SETTLE_MS: '0', ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = once(child, 'close');
  const logLines: Record<string, unknown>[] = [];
  const said: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (line.startsWith('{')) logLines.push(JSON.parse(line) as Record<string, unknown>);
    else said.push(line);
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const address = /^keelson ready http=(\S+)$/.exec(line)?.[1];
    if (address === undefined) continue;
    const close = async () => {
      child.kill('SIGKILL');
      await closed;
    };
    const stop = async () => {
      child.kill('SIGTERM');
      await closed;
    };
    return { pid: child.pid ?? 0, http: `http://${address}`, logLines, stop, close };
  }
  await closed;
  throw new Error(`The gateway ended before it was ready:\n${said.join('\n')}`);
}
