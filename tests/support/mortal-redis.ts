import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from './free-port.js';

const SNAPSHOT = 'dump.rdb';
const RETRY_MS = 10;

/** A Redis server that a test kills, freezes, and starts again on the same port. */
export interface MortalRedis {
  readonly url: string;
  freeze(): void;
  thaw(): void;
  /** Kills it as a power cut would. */
  kill(): Promise<void>;
  /** Starts it with what a snapshot holds, or with nothing; resolves when it answers. */
  start(snapshot?: Buffer): Promise<void>;
  /** What it holds now. */
  takeSnapshot(): Promise<Buffer>;
  /** Ends it for good, whatever state it is in. */
  end(): Promise<void>;
}

/** Starts `redis-server`, which has to be there: see `requireTool('redis')`. */
export async function startMortalRedis(): Promise<MortalRedis> {
  const port = await freePort();
  const dir = await mkdtemp(join(tmpdir(), 'keelson-redis-'));
  const url = `redis://127.0.0.1:${port}`;
  const place = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--dbfilename', SNAPSHOT];
  let server: ChildProcess;
  let exited: Promise<void>;

  const ask = async <T>(question: (client: Redis) => Promise<T>): Promise<T> => {
    const client = new Redis(url, { retryStrategy: () => RETRY_MS, maxRetriesPerRequest: null });
    client.on('error', () => {});
    try {
      return await question(client);
    } finally {
      client.disconnect();
    }
  };
  const kill = async () => {
    server.kill('SIGKILL');
    await exited;
  };
  const self: MortalRedis = {
    url,
    freeze: () => void server.kill('SIGSTOP'),
    thaw: () => void server.kill('SIGCONT'),
    kill,
    start: async (snapshot) => {
      await (snapshot ? writeFile(join(dir, SNAPSHOT), snapshot) : rm(join(dir, SNAPSHOT), { force: true }));
      server = spawn('redis-server', [...place, '--save', '', '--appendonly', 'no'], { stdio: 'ignore' });
      exited = new Promise((resolve) => void server.once('exit', () => resolve()));
      await ask((client) => client.ping());
    },
    takeSnapshot: async () => {
      await ask((client) => client.save());
      return readFile(join(dir, SNAPSHOT));
    },
    end: async () => {
      await kill();
      await rm(dir, { recursive: true, force: true });
    },
  };
  await self.start();
  return self;
}
