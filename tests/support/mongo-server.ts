import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { setTimeout as delay } from 'node:timers/promises';
import { MongoClient } from 'mongodb';
import { freePort } from './free-port.js';
import { skipBecause } from './skip-because.js';

const PACKAGE = '@jongodb/memory-server-bin-linux-x64-gnu';
const START_MS_MAX = 15_000;

/** A server that speaks MongoDB's protocol. */
export interface MongoServer {
  /** The connection string for a database on it. */
  urlOf(database: string): string;
  /** Whether it is a server to be held to everything; the packaged one lacks some of it. */
  readonly isReal: boolean;
  stop(): Promise<void>;
}

/** The server that KEELSON_TEST_MONGODB_URI names, or the one that an npm package carries; `undefined` without either. */
export async function startMongoServer(): Promise<MongoServer | undefined> {
  const uri = process.env['KEELSON_TEST_MONGODB_URI'];
  if (uri) return { urlOf: (database) => withDatabase(uri, database), isReal: true, stop: async () => {} };
  const binary = packagedBinary();
  return binary === undefined ? undefined : startPackaged(binary);
}

/** Skips what a hook is for, or fails where KEELSON_TEST_REQUIRE names mongo. */
export function skipWithoutMongo(test: Mocha.Context): never {
  const why = `no MongoDB server: set KEELSON_TEST_MONGODB_URI, or install the optional package ${PACKAGE}`;
  if ((process.env['KEELSON_TEST_REQUIRE'] ?? '').split(',').includes('mongo')) throw new Error(`Cannot run: ${why}`);
  return skipBecause(test, why);
}

function withDatabase(uri: string, database: string): string {
  const url = new URL(uri);
  url.pathname = `/${database}`;
  return url.href;
}

function packagedBinary(): string | undefined {
  try {
    return createRequire(import.meta.url).resolve(`${PACKAGE}/bin/jongodb`);
  } catch {
    return undefined;
  }
}

async function startPackaged(binary: string): Promise<MongoServer> {
  const port = await freePort();
  const server = spawn(
    binary,
    [`--port=${port}`, '--topology-profile=singleNodeReplicaSet', '--replica-set-name=rs0'],
    { stdio: 'ignore' },
  );
  const exited = new Promise<void>((resolve) => void server.once('exit', () => resolve()));
  // A driver that listens for news of it is hung up on time and again, clears its connections, and looks for it half a second.
  const query = 'replicaSet=rs0&serverMonitoringMode=poll';
  const urlOf = (database: string) => `mongodb://127.0.0.1:${port}/${database}?${query}`;
  await untilItAnswers(urlOf('admin'));
  return {
    urlOf,
    isReal: false,
    stop: async () => {
      server.kill('SIGKILL');
      await exited;
    },
  };
}

async function untilItAnswers(url: string): Promise<void> {
  const giveUpAt = Date.now() + START_MS_MAX;
  for (;;) {
    const client = new MongoClient(url, { serverSelectionTimeoutMS: 500 });
    try {
      await client.db().command({ ping: 1 });
      return;
    } catch (err) {
      if (Date.now() > giveUpAt) throw err;
      await delay(50);
    } finally {
      await client.close();
    }
  }
}
