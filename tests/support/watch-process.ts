import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { createHttpGateway } from '../../src/gateway/http-server.js';
import { fixtureRegistry } from '../unit/gateway/fixture.js';
import { dynamicService } from './dynamic-service.js';
import { startRpcServerWith } from './rpc-server.js';

// The HTTP shim, before a stream that does not end, in a process of its own, for tests that measure it. It ends with its
// parent. It says the path of its socket first; to "memory" it answers
// what it takes once garbage has been collected, and to anything else what it takes.
/** No two are alike, and nothing makes them smaller. */
const TEXTS = Array.from({ length: 64 }, () => randomBytes(3072).toString('base64'));
let made = 0;
const registry = fixtureRegistry();
const watcher = dynamicService(registry, 'fixtures.v1.ThingWatcher', {
  async *watchThings() {
    for (let count = 0; ; count += 1) {
      made += 1;
      yield { name: TEXTS[count % TEXTS.length], resumeToken: String(count) };
    }
  },
});
const { table, dispatcher, openCalls } = await startRpcServerWith({ services: [watcher], registry });
let server: Server | undefined;
createHttpGateway({
  table,
  dispatcher,
  log: pino({ level: 'silent' }),
  isReady: () => true,
  serverInfo: { name: 'keelson', version: '0' },
  connections: {
    watch: (_name, given) => {
      server = given as Server;
    },
  },
});
// Its sockets have small buffers: on loopback, TCP would take megabytes for each client that does not read.
const path = join(await mkdtemp(join(tmpdir(), 'keelson-watch-')), 'http.sock');
server?.listen(path);
if (server !== undefined) await once(server, 'listening');
process.send?.(path);
process.on('message', (message) => {
  if (message === 'memory') globalThis.gc?.();
  process.send?.({ rss: process.memoryUsage.rss(), streams: openCalls.size, made });
});
process.on('disconnect', () => process.exit());
