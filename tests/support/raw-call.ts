import {
  connect,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type ClientSessionOptions,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from 'node:http2';

/** What came back for a call that was made by hand. */
export interface RawAnswer {
  readonly httpStatus: number | undefined;
  /** The value of `grpc-status`, wherever it came. Undefined where none came. */
  readonly grpcStatus: string | undefined;
  /** Decoded. */
  readonly grpcMessage: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly rstCode: number;
}

/** A call that is made by hand, to send what no client would. */
export interface RawCall {
  readonly stream: ClientHttp2Stream;
  readonly answer: Promise<RawAnswer>;
}

export function connectRaw(address: string, options: ClientSessionOptions = {}): ClientHttp2Session {
  const session = connect(`http://${address}`, options);
  session.on('error', () => undefined);
  return session;
}

/** Opens a stream with the headers of a call. The test writes to it, and ends it. */
export function openRaw(session: ClientHttp2Session, path: string, headers: Record<string, string> = {}): RawCall {
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  });
  return { stream, answer: readAnswer(stream) };
}

/** Makes a call with the bytes as they are, on a connection of its own. */
export async function callRaw(
  address: string,
  path: string,
  { headers = {}, body = Buffer.alloc(0) }: { headers?: Record<string, string>; body?: Buffer },
): Promise<RawAnswer> {
  const session = connectRaw(address);
  const { stream, answer } = openRaw(session, path, headers);
  stream.end(body);
  const result = await answer;
  session.close();
  return result;
}

function readAnswer(stream: ClientHttp2Stream): Promise<RawAnswer> {
  return new Promise((resolve) => {
    let all: IncomingHttpHeaders & IncomingHttpStatusHeader = {};
    const pieces: Buffer[] = [];
    stream.on('error', () => undefined);
    stream.on('response', (headers) => {
      all = { ...all, ...headers };
    });
    stream.on('trailers', (trailers: IncomingHttpHeaders) => {
      all = { ...all, ...trailers };
    });
    stream.on('data', (piece: Buffer) => pieces.push(piece));
    stream.on('close', () => {
      const message = all['grpc-message'];
      resolve({
        httpStatus: all[':status'],
        grpcStatus: all['grpc-status'] as string | undefined,
        grpcMessage: typeof message === 'string' ? decodeURIComponent(message) : '',
        headers: all,
        body: Buffer.concat(pieces),
        rstCode: stream.rstCode ?? 0,
      });
    });
  });
}
