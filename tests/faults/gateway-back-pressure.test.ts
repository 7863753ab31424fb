import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';

const MIB = 1024 * 1024;
const READERS = 1000;
/** The queue of a listener has room for so many. */
const READERS_AT_ONCE = 100;
const GROWTH_BYTES_MAX = 64 * MIB;
/** What a reader that reads takes before, so that the code has run and its garbage has been collected. */
const READ_BYTES = 32 * MIB;
/** How often is looked whether the garbage has been collected, and whether anything is still made. */
const LOOK_MS = 500;
const QUIET_LOOKS = 2;
/** How long garbage may take to be collected, and to give its pages back. */
const SETTLE_MS_MAX = 30_000;
const TEST_MS_MAX = 120_000;

interface Held {
  readonly rss: number;
  readonly streams: number;
  readonly made: number;
}

/** How browsers and scripts ask for a stream. */
const KINDS = {
  'server-sent events that are compressed': { accept: 'text/event-stream', encodings: 'gzip, deflate, br' },
  'lines of JSON': { accept: 'application/x-ndjson', encodings: 'identity' },
} as const;

describe('the HTTP gateway', () => {
  let server: ChildProcess;
  let path: string;
  const sockets: Socket[] = [];

  beforeEach(async function () {
    this.timeout(TEST_MS_MAX);
    server = fork(new URL('../support/watch-process.js', import.meta.url), {
      execArgv: ['--expose-gc'],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    [path] = (await once(server, 'message')) as [string];
  });

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    const gone = once(server, 'exit');
    server.kill('SIGKILL');
    await gone;
    await rm(dirname(path), { recursive: true, force: true });
  });

  async function ask(what: 'memory' | 'look'): Promise<Held> {
    server.send(what);
    const [answer] = (await once(server, 'message')) as [Held];
    return answer;
  }

  /** Settles when nothing more is made for those who do not read, and what was made before has been collected. */
  async function settle(bytesMax: number): Promise<Held> {
    let held = await ask('look');
    for (let quiet = 0; quiet < QUIET_LOOKS;) {
      await delay(LOOK_MS);
      const now = await ask('look');
      quiet = now.made === held.made ? quiet + 1 : 0;
      held = now;
    }
    for (const giveUpAt = Date.now() + SETTLE_MS_MAX; held.rss >= bytesMax && Date.now() < giveUpAt;) {
      await delay(LOOK_MS);
      held = await ask('memory');
    }
    return held;
  }

  function open({ accept, encodings }: (typeof KINDS)[keyof typeof KINDS]): Socket {
    const socket = connect(path).on('error', () => undefined);
    socket.write(
      `GET /v1/things:watch HTTP/1.1\r\nhost: x\r\naccept: ${accept}\r\naccept-encoding: ${encodings}\r\n\r\n`,
    );
    return socket;
  }

  for (const [kind, asked] of Object.entries(KINDS)) {
    it(`makes no more ${kind} for ${READERS} readers that do not read, and grows by less than 64 MiB`, async () => {
      let read = 0;
      for await (const piece of open(asked)) {
        read += (piece as Buffer).length;
        if (read > READ_BYTES) break;
      }
      const before = await ask('memory');
      while (sockets.length < READERS) {
        for (let i = 0; i < READERS_AT_ONCE; i += 1) sockets.push(open(asked).pause());
        while ((await ask('look')).streams < sockets.length) await delay(LOOK_MS / 10);
      }
      const after = await settle(before.rss + GROWTH_BYTES_MAX);

      const grown = after.rss - before.rss;
      process.stdout.write(`      ${kind}: ${after.streams} streams, ${Math.round(grown / MIB)} MiB more\n`);
      expect(grown).to.be.lessThan(GROWTH_BYTES_MAX);
    }).timeout(TEST_MS_MAX);
  }
});
