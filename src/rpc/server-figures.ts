import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
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

/** The figures of one server, for channelz: whatever transport serves it, both are Node's HTTP/2 underneath. */
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

  /** Notes where the server listens, and every connection from now on. */
  watch(server: Http2Source, local: Endpoint): void {
    const listener = { id: this.#nextId(), local, remote: undefined, cipher: undefined, streams: noCalls() };
    this.#listeners.set(listener.id, listener);
    server.on('session', (session) => this.#add(session));
  }

  #nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  #add(session: ServerHttp2Session): void {
    const { socket } = session;
    const { localAddress = '', localPort = 0, remoteAddress = '', remotePort = 0 } = socket;
    const connection: SocketFigures = {
      id: this.#nextId(),
      local: { address: localAddress, port: localPort },
      remote: { address: remoteAddress, port: remotePort },
      cipher: socket instanceof TLSSocket ? socket.getCipher().standardName : undefined,
      streams: noCalls(),
    };
    this.#connections.set(connection.id, connection);
    session.once('close', () => this.#connections.delete(connection.id));
    session.on('stream', (stream: ServerHttp2Stream) => {
      const nowMs = Date.now();
      for (const figures of [this.calls, connection.streams]) {
        figures.started += 1;
        figures.lastStartedMs = nowMs;
      }
      stream.once('close', () => this.#end(stream, connection));
    });
  }

  /** A call has failed with any status but OK; a stream has only where it was broken off. */
  #end(stream: ServerHttp2Stream, { streams }: SocketFigures): void {
    const status = stream.sentTrailers?.['grpc-status'] ?? stream.sentHeaders?.['grpc-status'];
    if (String(status) === '0') this.calls.succeeded += 1;
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
