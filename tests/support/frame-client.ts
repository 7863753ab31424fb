import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Connection } from '../../src/rpc/framed/connection.js';
import { HpackEncoder } from '../../src/rpc/framed/hpack/encoder.js';
import { FlushQueue } from '../../src/rpc/framed/output.js';
import { FRAME_HEAD_BYTES, FrameType, PREFACE } from '../../src/rpc/framed/protocol.js';
import type { CallStream } from '../../src/rpc/grpc/call-stream.js';
import { DEFAULT_LIMITS, type Limits } from '../../src/rpc/limits.js';

/** A frame as it came back. */
export interface ReceivedFrame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

/** Our HTTP/2 on a free port, without gRPC. */
export interface FramedServer {
  readonly port: number;
  readonly connections: readonly Connection[];
  close(): void;
}

export async function startFramed(
  handle: (stream: CallStream) => void,
  limits: Partial<Limits> = {},
): Promise<FramedServer> {
  const queue = new FlushQueue();
  const connections: Connection[] = [];
  const peer = { peer: 'test', peerName: undefined };
  const server: Server = createServer((socket) => {
    const all = { ...DEFAULT_LIMITS, ...limits };
    connections.push(new Connection({ socket, peer, limits: all, queue, watch: undefined, handle }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = () => {
    for (const connection of connections) connection.destroy();
    server.close();
  };
  return { port: (server.address() as AddressInfo).port, connections, close };
}

/** A client that says what it is told to, right or wrong, and keeps what it hears. */
export class FrameClient {
  readonly socket: Socket;
  readonly frames: ReceivedFrame[] = [];
  readonly #closed: Promise<unknown>;
  #rest: Buffer = Buffer.alloc(0);
  #onFrame: (() => void) | undefined;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('error', () => undefined);
    this.socket.on('data', (chunk) => this.#take(chunk));
    this.#closed = new Promise((resolve) => this.socket.once('close', resolve));
  }

  /** Says the preface and empty settings, as every client begins. */
  greet(): this {
    this.socket.write(Buffer.concat([PREFACE, frame(FrameType.SETTINGS, 0, 0)]));
    return this;
  }

  send(...frames: readonly Buffer[]): this {
    this.socket.write(Buffer.concat(frames));
    return this;
  }

  /** Settles with the first frame, of all that came and will come, that is as wanted; rejects when the server hangs up before. */
  async wait(isWanted: (frame: ReceivedFrame) => boolean): Promise<ReceivedFrame> {
    for (;;) {
      const found = this.frames.find(isWanted);
      if (found !== undefined) return found;
      const next = new Promise<'frame'>((resolve) => {
        this.#onFrame = () => resolve('frame');
      });
      const happened = await Promise.race([next, this.#closed.then(() => 'closed' as const)]);
      if (happened === 'closed' && !this.frames.some(isWanted)) throw new Error('The server has hung up');
    }
  }

  /** Settles when the server has hung up. */
  async hungUp(): Promise<void> {
    await this.#closed;
  }

  close(): void {
    this.socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= FRAME_HEAD_BYTES) {
      const end = FRAME_HEAD_BYTES + this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < end) break;
      this.frames.push({
        type: this.#rest.readUInt8(3),
        flags: this.#rest.readUInt8(4),
        streamId: this.#rest.readUInt32BE(5),
        payload: this.#rest.subarray(FRAME_HEAD_BYTES, end),
      });
      this.#rest = this.#rest.subarray(end);
    }
    this.#onFrame?.();
  }
}

export function frame(type: number, flags: number, streamId: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(FRAME_HEAD_BYTES);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, payload]);
}

/** Encodes headers without any table. */
export function block(fields: Iterable<readonly [name: string, value: string]>): Buffer {
  const encoder = new HpackEncoder(new Map());
  encoder.begin();
  for (const [name, value] of fields) encoder.add(name, value);
  const bytes = Buffer.alloc(encoder.length);
  encoder.copyTo(bytes, 0, 0, encoder.length);
  return bytes;
}

/** The headers of a request, where others, or none, may take the place of some. */
export function requestBlock(changes: Readonly<Record<string, string | undefined>> = {}): Buffer {
  const fields = { ':method': 'POST', ':scheme': 'http', ':path': '/a.B/C', ':authority': 'a', ...changes };
  return block(Object.entries(fields).filter((field): field is [string, string] => field[1] !== undefined));
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
