import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { ClientHttp2Session } from 'node:http2';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { createClient, type ServiceClient } from '../../src/rpc/client/create-client.js';
import { toFrame } from '../../src/rpc/grpc/frames.js';
import { EchoServiceDefinition, type Words } from '../support/echo-contract.js';
import { DEAF, ENDLESS, words } from '../support/echo-server.js';
import { LIMITED_TRANSPORTS, TRANSPORT_NAMES } from '../support/on-each-transport.js';
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
/** What each caller has to say: more than any window lets it. */
const SPEECH_BYTES = 256 * 1024;
/** A caller may say so much at least before it is held. */
const SAID_BYTES_MIN = 15 * 1024;
/** How long the garbage of the streams may take to be collected, and how often that is looked at. */
const SETTLE_MS_MAX = 30_000;
const SETTLE_STEP_MS = 250;
/** What a caller may hold on its side of one connection before it gives up its streams. */
const SESSION_MEGABYTES_MAX = 256;
/** Who has said nothing so many times that somebody looked may say nothing more. */
const QUIET_LOOKS = 3;
const TEST_MS_MAX = 90_000;

type EchoClient = ServiceClient<typeof EchoServiceDefinition>;

/** Who stalls, what good callers do meanwhile, and where it holds; docs/transports.md says what the others hold. */
const STREAMS = {
  'readers that do not read': {
    method: 'Repeat',
    text: ENDLESS,
    says: 0,
    pass: readInOrder,
    on: TRANSPORT_NAMES,
  },
  'speakers in both directions that do not read': {
    method: 'Chat',
    text: ENDLESS,
    says: 0,
    pass: talkInOrder,
    on: TRANSPORT_NAMES,
  },
  'callers whom nobody hears': {
    method: 'Join',
    text: DEAF,
    says: SPEECH_BYTES,
    pass: talkInOrder,
    on: LIMITED_TRANSPORTS,
  },
} as const;

type Stalled = Pick<(typeof STREAMS)[keyof typeof STREAMS], 'method' | 'text' | 'says'>;

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

    for (const [kind, { pass, on, ...stalled }] of Object.entries(STREAMS)) {
      if (!on.some((name) => name === transport)) continue;
      it(`grows by less than 64 MiB with ${READERS} ${kind}, and loses and reorders nothing for those who read`, async () => {
        const good = createClient(EchoServiceDefinition, { address });
        await pass(good);
        const before = await memory();
        for (let i = 0; i < CONNECTIONS; i += 1) {
          sessions.push(await openStalled(address, { ...stalled, count: READERS / CONNECTIONS }));
        }
        while ((await memory()).streams < READERS) await delay(SETTLE_STEP_MS);
        const said = await saidUntilHeld(sessions);
        if (stalled.says > 0) expect(said / READERS).to.be.at.least(SAID_BYTES_MIN);
        await pass(good);
        const peak = await memory();
        const after = await memoryBelow(before.rss + GROWTH_BYTES_MAX);
        good.close();

        const grown = Math.round((after.rss - before.rss) / MIB);
        process.stdout.write(
          `      ${transport}: ${after.streams} streams, ${grown} MiB more for ${Math.round(said / MIB)} MiB that they said (${Math.round((peak.rss - before.rss) / MIB)} MiB with garbage)\n`,
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

/**
 * Opens streams, says all that may be said on them and reads nothing, on a connection whose own window is wide, so that each
 * stream has its own.
 */
async function openStalled(address: string, { method, text, says, count }: Stalled & { readonly count: number }) {
  const session = connectRaw(address, { maxSessionMemory: SESSION_MEGABYTES_MAX });
  await once(session, 'connect');
  session.setLocalWindowSize(64 * MIB);
  const { requestType } = EchoServiceDefinition.methods.chat;
  const toMessage = (message: Words) => toFrame(requestType.encode(message).finish());
  const more = toMessage(words('more', { payload: PAYLOAD }));
  const speech = Buffer.concat([toMessage(words(text)), ...Array<Buffer>(Math.ceil(says / more.length)).fill(more)]);
  for (let i = 0; i < count; i += 1) {
    const stream = session.request({
      ':method': 'POST',
      ':path': `/echo.v1.EchoService/${method}`,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    stream.on('error', () => undefined);
    if (says > 0) stream.write(speech);
    else stream.end(speech);
  }
  return session;
}

/** Gives how much has been said on the connections once nobody may say more. */
async function saidUntilHeld(sessions: readonly ClientHttp2Session[]): Promise<number> {
  const said = () => sessions.reduce((sum, { socket }) => sum + socket.bytesWritten, 0);
  for (let before = -1, quiet = 0; quiet < QUIET_LOOKS;) {
    await delay(SETTLE_STEP_MS);
    quiet = said() === before ? quiet + 1 : 0;
    before = said();
  }
  return said();
}
