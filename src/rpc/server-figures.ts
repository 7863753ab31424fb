import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** The ids of what grpc-js registers by itself, for the channels of clients, are small numbers. */
const FIRST_ID = 1_000_000_000;

/** How many calls there were, and how they ended. */
export interface CallFigures {
  started: number;
  succeeded: number;
  failed: number;
  /** In milliseconds since the Unix epoch. */
  lastStartedMs: number | undefined;
}

/** One end of a connection. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** A connection that stands, or a listener, which has no other end. */
export interface SocketFigures {
  readonly id: number;
  readonly local: Endpoint;
  readonly remote: Endpoint | undefined;
  /** The name of the cipher of a connection over TLS. */
  readonly cipher: string | undefined;
  readonly streams: CallFigures;
}

/** A server of Node that speaks HTTP/2. */
export interface Http2Source {
  on(event: 'session', listener: (session: ServerHttp2Session) => void): unknown;
}

/** Takes in the streams of one connection. */
export interface ConnectionFigures {
  begin(): void;
  /** With the `grpc-status` that was sent; undefined for a stream that was broken off. */
  end(status: string | undefined): void;
  close(): void;
}

/** The figures of one server, for channelz, whatever transport serves it. */
export class ServerFigures {
  readonly id = FIRST_ID;
  readonly calls: CallFigures = noCalls();
  readonly #listeners = new Map<number, SocketFigures>();
  readonly #connections = new Map<number, SocketFigures>();
  #lastId = FIRST_ID;

  listeners(): readonly SocketFigures[] {
    return [...this.#listeners.values()];
  }

  /** In the order of their ids. */
  connections(): readonly SocketFigures[] {
    return [...this.#connections.values()];
  }

  findSocket(id: number): SocketFigures | undefined {
    return this.#connections.get(id) ?? this.#listeners.get(id);
  }

  /** Notes where the server listens. */
  listen(local: Endpoint): void {
    const listener = { id: this.#nextId(), local, remote: undefined, cipher: undefined, streams: noCalls() };
    this.#listeners.set(listener.id, listener);
  }

  /** Notes a connection, until it is closed. */
  connect(socket: Socket): ConnectionFigures {
    const { localAddress = '', localPort = 0, remoteAddress = '', remotePort = 0 } = socket;
    const connection: SocketFigures = {
      id: this.#nextId(),
      local: { address: localAddress, port: localPort },
      remote: { address: remoteAddress, port: remotePort },
      cipher: socket instanceof TLSSocket ? socket.getCipher().standardName : undefined,
      streams: noCalls(),
    };
    this.#connections.set(connection.id, connection);
    return {
      begin: () => this.#begin(connection),
      end: (status) => this.#end(status, connection),
      close: () => void this.#connections.delete(connection.id),
    };
  }

  /** Notes where a server of Node listens, and every connection from now on. */
  watch(server: Http2Source, local: Endpoint): void {
    this.listen(local);
    server.on('session', (session) => {
      const connection = this.connect(session.socket);
      session.once('close', () => connection.close());
      session.on('stream', (stream: ServerHttp2Stream) => {
        connection.begin();
        stream.once('close', () => {
          const status = stream.sentTrailers?.['grpc-status'] ?? stream.sentHeaders?.['grpc-status'];
          connection.end(status === undefined ? undefined : String(status));
        });
      });
    });
  }

  #nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  #begin(connection: SocketFigures): void {
    const nowMs = Date.now();
    for (const figures of [this.calls, connection.streams]) {
      figures.started += 1;
      figures.lastStartedMs = nowMs;
    }
  }

  /** A call has failed with any status but OK; a stream has only where it was broken off. */
  #end(status: string | undefined, { streams }: SocketFigures): void {
    if (status === '0') this.calls.succeeded += 1;
    else this.calls.failed += 1;
    if (status === undefined) streams.failed += 1;
    else streams.succeeded += 1;
  }
}

function noCalls(): CallFigures {
  return { started: 0, succeeded: 0, failed: 0, lastStartedMs: undefined };
}

/** Takes `host:port` apart, where an IPv6 host stands in brackets. */
export function splitAddress(text: string): Endpoint {
  const colon = text.lastIndexOf(':');
  return { address: text.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port: Number(text.slice(colon + 1)) };
}
