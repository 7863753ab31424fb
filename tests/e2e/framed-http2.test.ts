import { once } from 'node:events';
import { connect as connectHttp2, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { expect } from 'chai';
import { FrameReader as MessageReader } from '../../src/rpc/grpc/frames.js';
import type { CallStream } from '../../src/rpc/grpc/call-stream.js';
import { CallMetadata } from '../../src/rpc/metadata.js';
import { startFramed, type FramedServer } from '../support/frame-client.js';
import { createRandom } from '../support/random.js';
import { seed } from '../support/seed.js';

const SESSIONS = 12;
const CALLS = 25;
const KIB = 1024;
const MESSAGE_BYTES_MAX = 300 * KIB;
/** What HTTP/2 lets through in the middle of a value. */
const CHARACTERS = Array.from({ length: 0x7f - 0x20 }, (_, i) => String.fromCharCode(0x20 + i)).join('');

/** Random numbers, and what is made of them. */
class Chance {
  readonly #next = createRandom(seed());

  upTo(max: number): number {
    return Math.floor(this.#next() * (max + 1));
  }

  oneOf<T>(values: readonly T[]): T {
    return values[this.upTo(values.length - 1)] as T;
  }

  /** Short more often than long. */
  text(lengthMax: number): string {
    const length = this.upTo(this.upTo(lengthMax));
    return Array.from({ length }, () => CHARACTERS[this.upTo(CHARACTERS.length - 1)])
      .join('')
      .trim();
  }

  headers(): Record<string, string> {
    const count = this.upTo(12);
    return Object.fromEntries(Array.from({ length: count }, () => [`x-${this.upTo(20)}`, this.text(600)]));
  }

  bytes(max: number): Buffer {
    return Buffer.from(Array.from({ length: this.upTo(this.upTo(max)) }, () => this.upTo(255)));
  }
}

// Node's own HTTP/2 at the other end, and between them something that cuts the bytes wherever it likes.
describe('our HTTP/2, with the client of Node', () => {
  let chance: Chance;
  let server: FramedServer;
  let proxy: Server;

  before(async () => {
    chance = new Chance();
    server = await startFramed((stream) => void echo(stream), { metadataBytesMax: 64 * KIB });
    proxy = await startCutter(server.port, chance);
  });

  after(() => {
    server.close();
    proxy.close();
  });

  it('carries the headers, messages and trailers of any call, whatever the settings and wherever bytes are cut', async () => {
    for (let n = 0; n < SESSIONS; n += 1) {
      const settings = {
        headerTableSize: chance.oneOf([0, 50, 200, 4096, 65_536]),
        initialWindowSize: chance.oneOf([200, 65_535, 1024 * KIB]),
        maxFrameSize: chance.oneOf([16_384, 100_000]),
      };
      const session = connectHttp2(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, { settings });
      await Promise.all(Array.from({ length: CALLS }, () => expectEcho(session)));
      session.close();
      await once(session, 'close');
    }
  }).timeout(60_000);

  async function expectEcho(session: ClientHttp2Session): Promise<void> {
    const headers = chance.headers();
    const body = chance.bytes(chance.oneOf([20, 2000, 100 * KIB]));
    const stream = session.request({ ':method': 'POST', ':path': `/${chance.upTo(5)}`, ...headers });
    const pieces: Buffer[] = [];
    const heard: IncomingHttpHeaders = {};
    stream.on('response', (answer) => Object.assign(heard, answer));
    stream.on('trailers', (trailers: IncomingHttpHeaders) => Object.assign(heard, trailers));
    stream.on('data', (piece: Buffer) => pieces.push(piece));
    for (let at = 0; at < body.length;) {
      const end = Math.min(body.length, at + 1 + chance.upTo(30_000));
      stream.write(body.subarray(at, end));
      at = end;
    }
    stream.end();
    await once(stream, 'close');

    const messages = new MessageReader(MESSAGE_BYTES_MAX).push(Buffer.concat(pieces)).map(({ bytes }) => bytes);
    expect(stream.rstCode).to.equal(0);
    expect(Buffer.concat(messages).equals(body), 'the body').to.equal(true);
    expect(heard).to.include({ ':status': 200, 'grpc-status': '0', ...headers });
    expect(heard['x-trailer']).to.equal(String(body.length));
  }
});

/** Answers with the headers of the request, and with its body, piece by piece. */
async function echo(stream: CallStream): Promise<void> {
  const responseMetadata = new CallMetadata();
  const responseTrailers = new CallMetadata();
  stream.headers.forEach((name, value) => {
    if (name.startsWith('x-')) responseMetadata.add(name, value);
  });
  const writer = stream.answer({ responseMetadata, responseTrailers });
  let length = 0;
  for await (const piece of stream.body.pieces()) {
    length += piece.length;
    await writer.write(piece);
  }
  responseTrailers.add('x-trailer', String(length));
  writer.end(undefined);
}

async function startCutter(port: number, chance: Chance): Promise<Server> {
  const proxy = createServer({ noDelay: true }, (near) => {
    const far = connect({ port, host: '127.0.0.1', noDelay: true });
    forward(near, far, chance);
    forward(far, near, chance);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  return proxy;
}

/** Forwards in pieces, the next when the one before has left: so nearly every one arrives by itself. */
function forward(from: Socket, to: Socket, chance: Chance): void {
  from.on('error', () => undefined);
  from.on('close', () => to.destroy());
  from.on('end', () => to.end());
  from.on('data', (chunk: Buffer) => {
    from.pause();
    let at = 0;
    const next = () => {
      if (at >= chunk.length || to.destroyed) return void from.resume();
      const end = Math.min(chunk.length, at + 1 + chance.upTo(chance.oneOf([3, 30, 3000, 60_000])));
      to.write(chunk.subarray(at, end), () => setImmediate(next));
      at = end;
    };
    next();
  });
}
