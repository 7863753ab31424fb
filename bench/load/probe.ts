import { connect, type ClientHttp2Session } from 'node:http2';

/** A call as it goes over the wire, always the same. */
export interface GrpcCall {
  /** `host:port`. */
  readonly address: string;
  /** The gRPC path. */
  readonly path: string;
  /** The encoded message. */
  readonly request: Uint8Array;
  readonly token?: string | undefined;
  /** What goes with it beside the token. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Puts a message into its gRPC frame. */
export function frameOf(message: Uint8Array): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.byteLength, 1);
  return Buffer.concat([prefix, message]);
}

export function headersOf({ token, metadata }: GrpcCall): Record<string, string> {
  return {
    'content-type': 'application/grpc',
    te: 'trailers',
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...metadata,
  };
}

/** Makes the call once, as a client that looks at everything, and gives the bytes of its answer. Throws unless it is OK. */
export async function probe(call: GrpcCall): Promise<Buffer> {
  const session = connect(`http://${call.address}`);
  try {
    return await callOnce(session, call);
  } finally {
    session.close();
  }
}

function callOnce(session: ClientHttp2Session, call: GrpcCall): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    session.once('error', reject);
    const stream = session.request({ ':method': 'POST', ':path': call.path, ...headersOf(call) });
    const chunks: Buffer[] = [];
    let status: unknown;
    const read = (headers: Record<string, unknown>) => {
      status = headers['grpc-status'] ?? status;
    };
    stream.on('response', read);
    stream.on('trailers', read);
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.once('error', reject);
    stream.once('close', () => {
      if (status === '0') resolve(Buffer.concat(chunks));
      else reject(new Error(`${call.path} at ${call.address} ended with status ${String(status)}`));
    });
    stream.end(frameOf(call.request));
  });
}
