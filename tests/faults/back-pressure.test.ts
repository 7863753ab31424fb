import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { ClientHttp2Session } from 'node:http2';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { createClient, type ServiceClient } from '../../src/rpc/client/create-client.js';
import { toFrame } from '../../src/rpc/grpc/frames.js';
import { EchoServiceDefinition, type Words } from '../support/echo-contract.js';
import { ENDLESS, words } from '../support/echo-server.js';
import { TRANSPORT_NAMES } from '../support/on-each-transport.js';
import { connectRaw } from '../support/raw-call.js';

const MIB = 1024 * 1024;
const READERS = 1000;
const CONNECTIONS = 10;
const GROWTH_BYTES_MAX = 64 * MIB;
/** What a reader that reads takes meanwhile, so that the server has every chance to run ahead for the others. */
const READ_BYTES = 32 * MIB;
/** What a caller says that is said back to it. */
const MESSAGE_BYTES = 8192;
const PAYLOAD = new Uint8Array(MESSAGE_BYTES);
const SENT_BYTES = 8 * MIB;
/** How long the garbage of the streams may take to be collected, and how often that is looked at. */
const SETTLE_MS_MAX = 15_000;
const SETTLE_STEP_MS = 250;
const TEST_MS_MAX = 60_000;

type EchoClient = ServiceClient<typeof EchoServiceDefinition>;

/** Who stalls, and what good callers of the same method do meanwhile. */
const STREAMS = {
  'readers that do not read': { method: 'Repeat', pass: readInOrder },
  'speakers in both directions that do not read': { method: 'Chat', pass: talkInOrder },
} as const;

for (const transport of TRANSPORT_NAMES) {
  describe(`a server on ${transport}`, () => {
    let server: ChildProcess;
    let address: string;
    const sessions: ClientHttp2Session[] = [];

    beforeEach(async () => {
      server = fork(new URL('../support/echo-process.js', import.meta.url), [transport], {
        execArgv: ['--expose-gc'],
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      });
      [address] = (await once(server, 'message')) as [string];
    });

    afterEach(async () => {
      for (const session of sessions.splice(0)) session.destroy();
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

    for (const [kind, { method, pass }] of Object.entries(STREAMS)) {
      it(`grows by less than 64 MiB with ${READERS} ${kind}, and loses and reorders nothing for those who read`, async () => {
        const good = createClient(EchoServiceDefinition, { address });
        await pass(good);
        const before = await memory();
        for (let i = 0; i < CONNECTIONS; i += 1) {
          sessions.push(await openStalled(address, { method, count: READERS / CONNECTIONS }));
        }
        await pass(good);
        const peak = await memory();
        const after = await memoryBelow(before.rss + GROWTH_BYTES_MAX);
        good.close();

        const grown = Math.round((after.rss - before.rss) / MIB);
        process.stdout.write(
          `      ${transport}: ${after.streams} streams, ${grown} MiB more (${Math.round((peak.rss - before.rss) / MIB)} MiB with garbage)\n`,
        );
        expect(after.streams).to.be.within(READERS, READERS + 1);
        expect(after.rss - before.rss).to.be.lessThan(GROWTH_BYTES_MAX);
      }).timeout(TEST_MS_MAX);
    }
  });
}

async function readInOrder(client: EchoClient): Promise<void> {
  let expected = 0;
  for await (const { count, payload } of client.repeat({ text: ENDLESS })) {
    expect(count).to.equal(expected);
    expected += 1;
    if (expected * payload.length >= READ_BYTES) break;
  }
}

/** What is said back in order. */
async function* requests(): AsyncGenerator<Partial<Words>> {
  for (let i = 0; i * MESSAGE_BYTES < SENT_BYTES; i += 1) yield { text: `${i}`, payload: PAYLOAD };
}

async function talkInOrder(client: EchoClient): Promise<void> {
  let expected = 0;
  for await (const { text } of client.chat(requests())) {
    expect(text).to.equal(`${expected}`);
    expected += 1;
  }
  expect(expected * MESSAGE_BYTES).to.be.at.least(SENT_BYTES);
}

/** Opens streams and reads nothing of them, on a connection whose own window is wide, so that each stream has its own. */
async function openStalled(address: string, { method, count }: { readonly method: string; readonly count: number }) {
  const session = connectRaw(address);
  await once(session, 'connect');
  session.setLocalWindowSize(64 * MIB);
  const request = toFrame(EchoServiceDefinition.methods.repeat.requestType.encode(words(ENDLESS)).finish());
  const ready = [];
  for (let i = 0; i < count; i += 1) {
    const stream = session.request({
      ':method': 'POST',
      ':path': `/echo.v1.EchoService/${method}`,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    stream.on('error', () => undefined);
    ready.push(once(stream, 'response'));
    stream.end(request);
  }
  await Promise.all(ready);
  return session;
}
