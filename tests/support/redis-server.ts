import { spawn } from 'node:child_process';
import { Redis } from 'ioredis';
import { freePort } from './free-port.js';

/** A Redis server of a test's own, which keeps nothing. */
export interface RedisServer {
  readonly url: string;
  readonly pid: number;
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts `redis-server`, which has to be there: see `requireTool('redis')`. */
export async function startRedisServer(options: { readonly port?: number } = {}): Promise<RedisServer> {
  const port = options.port ?? (await freePort());
  const server = spawn(
    'redis-server',
    ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
    {
      stdio: 'ignore',
    },
  );
  const exited = new Promise<void>((resolve) => void server.once('exit', () => resolve()));
  const url = `redis://127.0.0.1:${port}`;
  const client = new Redis(url, { retryStrategy: () => 20 });
  client.on('error', () => {});
  await client.ping();
  client.disconnect();
  return {
    url,
    pid: server.pid ?? 0,
    port,
    stop: async () => {
      server.kill('SIGKILL');
      await exited;
    },
  };
}
