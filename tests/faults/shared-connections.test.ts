import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import { expect } from 'chai';
import { toFrame } from '../../src/rpc/grpc/frames.js';
import { EchoServiceDefinition } from '../support/echo-contract.js';
import { startEchoServer, words, type EchoServer } from '../support/echo-server.js';
import { onEachTransport } from '../support/on-each-transport.js';
import { connectRaw, openRaw } from '../support/raw-call.js';

const { repeat } = EchoServiceDefinition.methods;
const PATH = '/echo.v1.EchoService';
const UNREAD_STREAMS = 100;
const WINDOW_BYTES = 65_535;
const MESSAGE_BYTES = 8 * 1024;
const READ_BYTES = 4 * 1024 * 1024;
const GREEDY_STREAMS = 200;
const GREEDY_WINDOW_BYTES = 2 ** 31 - 1;
const CALLS = 20;
/** Without turns there is no answer at all. */
const TEST_MS_MAX = 30_000;

describe('a server that answers with many streams at once', () =>
  onEachTransport(() => {
    let server: EchoServer;
    let session: ClientHttp2Session;
    let produced: Map<string, number>;

    beforeEach(async () => {
      server = await startEchoServer();
      produced = new Map();
      server.handlers.repeat = async function* (_ctx, { text }) {
        const payload = new Uint8Array(MESSAGE_BYTES);
        for (let count = 1; ; count += 1) {
          produced.set(text, count);
          yield words('', { payload });
        }
      };
    });

    afterEach(async () => {
      session.destroy();
      await server.close();
    });

    /** Asks for an endless stream, and reads nothing of it. */
    function askFor(text: string): ClientHttp2Stream {
      const { stream } = openRaw(session, `${PATH}/Repeat`);
      stream.removeAllListeners('data').pause();
      stream.end(toFrame(repeat.requestType.encode(words(text)).finish()));
      return stream;
    }

    async function until(condition: () => boolean): Promise<void> {
      while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
    }

    it('lets one be read whose neighbours on the same connection are not', async () => {
      session = connectRaw(server.address);
      const unread = Array.from({ length: UNREAD_STREAMS }, (_, n) => `unread ${n}`);
      for (const text of unread) askFor(text);
      // Each has filled its window, and waits.
      await until(() => unread.every((text) => (produced.get(text) ?? 0) * MESSAGE_BYTES > WINDOW_BYTES));
      const reading = askFor('read');

      let read = 0;
      for await (const piece of reading) {
        read += (piece as Buffer).length;
        if (read > READ_BYTES) break;
      }

      expect(read).to.be.greaterThan(READ_BYTES);
    }).timeout(TEST_MS_MAX);

    it('answers on another connection, though all of them could go on and on', async () => {
      session = connectRaw(server.address, { settings: { initialWindowSize: GREEDY_WINDOW_BYTES } });
      await new Promise<void>((resolve) => session.once('connect', () => resolve()));
      session.setLocalWindowSize(GREEDY_WINDOW_BYTES);
      const greedy = Array.from({ length: GREEDY_STREAMS }, (_, n) => `greedy ${n}`);
      for (const text of greedy) askFor(text).resume();
      await until(() => greedy.every((text) => produced.has(text)));
      const total = () => [...produced.values()].reduce((sum, count) => sum + count, 0);
      const before = total();

      const answers: string[] = [];
      for (let i = 0; i < CALLS; i += 1) answers.push((await server.client.say({ text: String(i) })).text);

      expect(answers).to.deep.equal(Array.from({ length: CALLS }, (_, i) => String(i)));
      expect(total()).to.be.greaterThan(before);
    }).timeout(TEST_MS_MAX);
  }));
