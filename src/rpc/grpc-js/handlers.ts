import { setImmediate } from 'node:timers/promises';
import type {
  Deadline,
  handleBidiStreamingCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  Metadata,
  sendUnaryData,
  ServerDuplexStream,
  ServerErrorResponse,
  ServerReadableStream,
  ServerUnaryCall,
  ServerWritableStream,
} from '@grpc/grpc-js';
import type { PeerCertificate } from 'node:tls';
import type { Dispatcher, IncomingCall } from '../call.js';
import { CallerWatch } from '../caller-watch.js';
import { ServiceError } from '../errors.js';
import { CallMetadata } from '../metadata.js';
import type { Method } from '../method-table.js';
import { onlyUriName } from '../peer-name.js';
import type { StatusError } from '../status.js';
import { fromGrpcMetadata, toGrpcMetadata, toGrpcStatus, toGrpcTrailers, untilDeadlineMs } from './convert.js';
import { readKeptTimeout } from './timeouts.js';

/** What the calls of all four kinds have in common. */
interface SurfaceCall {
  readonly metadata: Metadata;
  readonly cancelled: boolean;
  getPeer(): string;
  getDeadline(): Deadline;
  getAuthContext(): { readonly sslPeerCertificate?: PeerCertificate } | null;
  once(event: 'cancelled', listener: () => void): unknown;
}

type WritableCall = ServerWritableStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>;

/** grpc-js ignores the promise that a handler returns, so every outcome of these ends in the callback or the stream. */
export function unaryHandler(dispatcher: Dispatcher, method: Method): handleUnaryCall<Buffer, Buffer> {
  return (call, callback) => {
    const incoming = receive(call);
    answerOnce({ call, incoming, callback }, dispatcher.unary(method, incoming, call.request));
  };
}

export function clientStreamHandler(dispatcher: Dispatcher, method: Method): handleClientStreamingCall<Buffer, Buffer> {
  return (call, callback) => {
    const incoming = receive(call);
    answerOnce({ call, incoming, callback }, dispatcher.clientStream(method, incoming, readAll(call)));
  };
}

export function serverStreamHandler(dispatcher: Dispatcher, method: Method): handleServerStreamingCall<Buffer, Buffer> {
  return (call) => {
    const writer = createStreamWriter(call);
    void writer.pump(dispatcher.serverStream(method, writer.incoming, call.request));
  };
}

export function bidiStreamHandler(dispatcher: Dispatcher, method: Method): handleBidiStreamingCall<Buffer, Buffer> {
  return (call) => {
    const writer = createStreamWriter(call);
    void writer.pump(dispatcher.bidiStream(method, writer.incoming, readAll(call)));
  };
}

function receive(call: SurfaceCall, onEnd?: (status: StatusError | undefined) => void): IncomingCall {
  const peerGone = new CallerWatch();
  // grpc-js emits `cancelled` after a normal end as well; by then nobody listens to the signal.
  call.once('cancelled', () => peerGone.abort());
  if (call.cancelled) peerGone.abort();
  return {
    protocol: 'grpc',
    peer: call.getPeer(),
    // Read where it is asked for only: grpc-js takes the certificate apart each time.
    get peerName() {
      return onlyUriName(call.getAuthContext()?.sslPeerCertificate?.subjectaltname);
    },
    ...(readKeptTimeout(call.metadata) ?? { timeoutMs: untilDeadlineMs(call.getDeadline()) }),
    metadata: fromGrpcMetadata(call.metadata),
    signal: peerGone,
    responseMetadata: new CallMetadata(),
    responseTrailers: new CallMetadata(),
    ...(onEnd && { onEnd }),
  };
}

interface UnaryAnswer {
  readonly call: ServerUnaryCall<Buffer, Buffer> | ServerReadableStream<Buffer, Buffer>;
  readonly incoming: IncomingCall;
  readonly callback: sendUnaryData<Buffer>;
}

function answerOnce({ call, incoming, callback }: UnaryAnswer, answer: Promise<Uint8Array>): void {
  answer.then(
    (bytes) => {
      call.sendMetadata(toGrpcMetadata(incoming.responseMetadata));
      callback(null, asBuffer(bytes), toGrpcTrailers(incoming));
    },
    // The dispatcher throws nothing but StatusError.
    (err: StatusError) => callback(toGrpcStatus(err, incoming)),
  );
}

/** Reads a request stream. One that its caller has broken off must never look finished to the handler. */
async function* readAll(call: ServerReadableStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>) {
  try {
    // A plain `for await (... of call)` destroys the call when the peer half-closes, and no trailers would be sent.
    for await (const message of call.iterator({ destroyOnReturn: false })) yield message as Buffer;
  } catch (cause) {
    throw brokenOff(cause);
  }
  // Node ends a stream that was reset before it closes it, and only with the close grpc-js says so.
  await setImmediate();
  if (call.cancelled) throw brokenOff(undefined);
}

function brokenOff(cause: unknown): ServiceError {
  return new ServiceError('CALL_CANCELLED', 'Requests were broken off by the caller', {}, { cause });
}

/** Writes the answers of a stream, one at a time, each after HTTP/2 flow control has taken the one before. */
function createStreamWriter(call: WritableCall) {
  let ended = false;
  let headersSent = false;
  let releaseWrite: (() => void) | undefined;

  const incoming = receive(call, (status) => {
    ended = true;
    sendHeaders({ isFailure: status !== undefined });
    if (status === undefined) call.end(toGrpcTrailers(incoming));
    // grpc-js takes a plain status object on 'error'; its types ask for an Error.
    else call.emit('error', toGrpcStatus(status, incoming, { headersSent }) as ServerErrorResponse);
    releaseWrite?.();
  });

  function write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      releaseWrite = resolve;
      call.write(asBuffer(bytes), () => resolve());
    });
  }

  /** A failure before the first answer is one header block. */
  function sendHeaders({ isFailure }: { isFailure: boolean }): void {
    if (headersSent || isFailure) return;
    headersSent = true;
    call.sendMetadata(toGrpcMetadata(incoming.responseMetadata));
  }

  async function pump(responses: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      for await (const bytes of responses) {
        sendHeaders({ isFailure: false });
        await write(bytes);
        if (ended) return;
      }
    } catch {
      // onEnd has answered with the status.
    }
  }

  return { incoming, pump };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
