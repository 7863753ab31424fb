import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { CallStream, Peer, PieceReader, RequestBody, RequestHeaders } from './call-stream.js';
import { peerOf } from './peer.js';
import { endWithStatus, ResponseWriter } from './response-writer.js';

/** Hands a new stream on, unless it has been reset by then. */
export function takeIn(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  handle: (stream: CallStream) => void,
): void {
  // An error is always followed by 'close', which is where the end of the caller is noticed.
  stream.on('error', () => undefined);
  // After all that has been read: a stream that was opened and reset in one breath costs no more than this.
  setImmediate(() => {
    if (!stream.destroyed && !stream.closed) handle(new NodeStream(stream, headers));
  });
}

class NodeStream implements CallStream {
  readonly headers: RequestHeaders;
  readonly peer: Peer;
  readonly body: RequestBody;
  readonly #stream: ServerHttp2Stream;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders) {
    this.#stream = stream;
    this.headers = new NodeHeaders(headers);
    this.peer = peerOf(stream.session);
    this.body = new NodeBody(stream);
  }

  onClose(listener: () => void): void {
    this.#stream.once('close', listener);
  }

  refuse(httpStatus: number): void {
    this.#stream.respond({ ':status': httpStatus }, { endStream: true });
  }

  endWithStatus(status: OutgoingHttpHeaders): void {
    endWithStatus(this.#stream, status);
  }

  answer(metadata: Parameters<CallStream['answer']>[0]): ResponseWriter {
    return new ResponseWriter(this.#stream, metadata);
  }
}

class NodeHeaders implements RequestHeaders {
  readonly #headers: IncomingHttpHeaders;

  constructor(headers: IncomingHttpHeaders) {
    this.#headers = headers;
  }

  get bytes(): number {
    let bytes = 0;
    for (const key of Object.keys(this.#headers)) bytes += key.length + String(this.#headers[key]).length + 32;
    return bytes;
  }

  get(name: string): string | undefined {
    const value = this.#headers[name];
    return Array.isArray(value) ? value[0] : value;
  }

  forEach(visit: (name: string, value: string) => void): void {
    for (const name of Object.keys(this.#headers)) {
      const value = this.#headers[name];
      if (Array.isArray(value)) for (const text of value) visit(name, text);
      else if (value !== undefined) visit(name, value);
    }
  }
}

class NodeBody implements RequestBody {
  /** Node hands over no body before it is asked for it. */
  readonly whole = undefined;
  readonly #stream: ServerHttp2Stream;

  constructor(stream: ServerHttp2Stream) {
    this.#stream = stream;
  }

  get isBrokenOff(): boolean {
    return this.#stream.aborted || this.#stream.destroyed || this.#stream.rstCode > 0;
  }

  read(reader: PieceReader): void {
    const stream = this.#stream;
    const finish = () => {
      if (this.isBrokenOff) reader.breakOff();
      else reader.end();
    };
    stream.on('data', (piece: Buffer) => reader.piece(piece));
    // A call without any body may have ended before anyone could listen.
    if (stream.readableEnded) finish();
    else stream.once('end', finish);
    stream.once('close', () => {
      if (!stream.readableEnded) reader.breakOff();
    });
  }

  pieces(): AsyncIterable<Buffer> {
    // Node would destroy the stream at the end of the loop, and no answer could be sent.
    return this.#stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  }
}
