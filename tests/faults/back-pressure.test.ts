import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { ClientHttp2Session } from 'node:http2';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { createClient } from '../../src/rpc/client/create-client.js';
import { toFrame } from '../../src/rpc/grpc/frames.js';
import { EchoServiceDefinition } from '../support/echo-contract.js';
import { ENDLESS, words } from '../support/echo-server.js';
import { TRANSPORT_NAMES } from '../support/on-each-transport.js';
import { connectRaw } from '../support/raw-call.js';

const MIB = 1024 * 1024;
const READERS = 1000;
const CONNECTIONS = 10;
const GROWTH_BYTES_MAX = 64 * MIB;
/** What a reader that reads takes meanwhile, so that the server has every chance to run ahead for the others. */
const READ_BYTES = 32 * MIB;
/** How long the garbage of the streams may take to be collected, and how often that is looked at. */
const SETTLE_MS_MAX = 15_000;
const SETTLE_STEP_MS = 250;
const TEST_MS_MAX = 60_000;

for (const transport of TRANSPORT_NAMES) {
  describe(`a server on ${transport}, with ${READERS} readers of endless streams that do not read`, () => {
    let server: ChildProcess;
    let address: string;
    const sessions: ClientHttp2Session[] = [];

    before(async () => {
      server = fork(new URL('../support/echo-process.js', import.meta.url), [transport], {
        execArgv: ['--expose-gc'],
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      });
      [address] = (await once(server, 'message')) as [string];
    });

    after(async () => {
      for (const session of sessions) session.destroy();
      const gone = once(server, 'exit');
      server.kill('SIGKILL');
      await gone;
    });

    async function memory(): Promise<{ rss: number; streams: number }> {
      server.send('memory');
      const [answer] = (await once(server, 'message')) as [{ rss: number; streams: number }];
      return answer;
    }

    /** What was sent long ago is garbage, which takes several collections to give its pages back. */
    async function memoryBelow(bytes: number): Promise<{ rss: number; streams: number }> {
      const giveUpAt = Date.now() + SETTLE_MS_MAX;
      for (;;) {
        const held = await memory();
        if (held.rss < bytes || Date.now() > giveUpAt) return held;
        await delay(SETTLE_STEP_MS);
      }
    }

    it('grows by less than 64 MiB, and loses and reorders nothing for those who read', async () => {
      const reader = createClient(EchoServiceDefinition, { address });
      await readInOrder(reader, READ_BYTES);
      const before = await memory();
      for (let i = 0; i < CONNECTIONS; i += 1) sessions.push(await openStalled(address, READERS / CONNECTIONS));
      await readInOrder(reader, READ_BYTES);
      const peak = await memory();
      const after = await memoryBelow(before.rss + GROWTH_BYTES_MAX);
      reader.close();

      const grown = Math.round((after.rss - before.rss) / MIB);
      process.stdout.write(
        `      ${transport}: ${after.streams} streams, ${grown} MiB more (${Math.round((peak.rss - before.rss) / MIB)} MiB with garbage)\n`,
      );
      expect(after.streams).to.be.within(READERS, READERS + 1);
      expect(after.rss - before.rss).to.be.lessThan(GROWTH_BYTES_MAX);
    }).timeout(TEST_MS_MAX);
  });
}

async function readInOrder(client: ReturnType<typeof createClient<typeof EchoServiceDefinition>>, bytes: number) {
  let expected = 0;
  for await (const { count, payload } of client.repeat({ text: ENDLESS })) {
    expect(count).to.equal(expected);
    expected += 1;
    if (expected * payload.length >= bytes) break;
  }
}

/** Opens streams and reads nothing of them, on a connection whose own window is wide, so that each stream has its own. */
async function openStalled(address: string, count: number): Promise<ClientHttp2Session> {
  const session = connectRaw(address);
  await once(session, 'connect');
  session.setLocalWindowSize(64 * MIB);
  const request = toFrame(EchoServiceDefinition.methods.repeat.requestType.encode(words(ENDLESS)).finish());
  const headers = [];
  for (let i = 0; i < count; i += 1) {
    const stream = session.request({
      ':method': 'POST',
      ':path': '/echo.v1.EchoService/Repeat',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    stream.on('error', () => undefined);
    headers.push(once(stream, 'response'));
    stream.end(request);
  }
  await Promise.all(headers);
  return session;
}
