import type { FileRegistry, JsonObject } from '@bufbuild/protobuf';
import type { IncomingHttpHeaders } from 'node:http';
import type { Logger } from 'pino';
import type { WebSocket } from 'ws';
import type { IncomingCall, LazyDispatcher } from '../../rpc/call.js';
import { Code } from '../../rpc/codes.js';
import { invalidRequest, ServiceError } from '../../rpc/errors.js';
import { CallMetadata } from '../../rpc/metadata.js';
import { toStatusError } from '../../rpc/status.js';
import { callAnyKind } from '../call-any-kind.js';
import { toCallMetadata, toHttpHeaders } from '../http/headers.js';
import { HTTP_STATUS } from '../http/http-status.js';
import { readTimeoutMs } from '../http/timeout.js';
import { logRefusal } from '../request-log.js';
import { errorJson } from '../rest/render-error.js';
import { Inbox } from './inbox.js';
import { readWord, writeMessage, type ClientWord, type SocketTarget, type Subprotocol } from './subprotocol.js';

const NORMAL = 1000;
/** Codes from here on are an application's own: the code of the call comes on top. */
const FAILED = 4000;

export interface SocketDeps {
  readonly registry: FileRegistry;
  readonly dispatcher: LazyDispatcher;
  readonly log: Logger;
  /** How long a client may take to say its first word. */
  readonly firstWordMs: number;
}

/** A socket that is open. */
export interface OpenSocket {
  readonly socket: WebSocket;
  readonly headers: IncomingHttpHeaders;
  readonly target: SocketTarget;
  readonly requestId: string;
  readonly peer: string;
  readonly peerName: string | undefined;
  readonly startMs: number;
}

/** Does the one call that a socket is for. Never rejects; the socket closes behind it. */
export async function serveSocket(deps: SocketDeps, open: OpenSocket): Promise<void> {
  const { socket, requestId } = open;
  const gone = new AbortController();
  socket.once('close', () => gone.abort());
  const responseTrailers = new CallMetadata();
  try {
    await answer(deps, open, { gone: gone.signal, responseTrailers });
    await send(socket, JSON.stringify({ end: { metadata: toHttpHeaders(responseTrailers) } }));
    socket.close(NORMAL);
  } catch (err) {
    logRefusal(deps.log, open, err);
    const status = toStatusError(err, requestId);
    await send(socket, JSON.stringify({ error: errorJson(status, HTTP_STATUS[status.codeName], deps.registry) }));
    socket.close(FAILED + (Code[status.codeName] ?? 0), status.codeName);
  }
}

interface Ends {
  readonly gone: AbortSignal;
  readonly responseTrailers: CallMetadata;
}

async function answer(deps: SocketDeps, open: OpenSocket, { gone, responseTrailers }: Ends): Promise<void> {
  const { socket, target } = open;
  const inbox = new Inbox(socket);
  const first = await firstWord(deps, open, inbox);
  const responseMetadata = new CallMetadata();
  const call = { ...toCall(open, first), signal: gone, responseMetadata, responseTrailers };
  const requests = readRequests(deps, open, { inbox, first });
  const subprotocol = socket.protocol as Subprotocol;
  let hasBegun = false;
  for await (const message of callAnyKind(deps.dispatcher, { method: target.method, call, requests })) {
    if (!hasBegun) await send(socket, JSON.stringify({ metadata: toHttpHeaders(responseMetadata) }));
    hasBegun = true;
    await send(socket, writeMessage(deps.registry, target, { subprotocol, message }));
  }
}

/** The call begins with the first word, whatever it is, so that a page can say who calls. */
async function firstWord({ registry, firstWordMs }: SocketDeps, open: OpenSocket, inbox: Inbox): Promise<ClientWord> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const failure = new ServiceError('DEADLINE_EXCEEDED', 'Nothing was said in time on the socket');
    timer = setTimeout(() => reject(failure), firstWordMs);
  });
  try {
    return readWord(registry, open.target, await Promise.race([inbox.take(), late]));
  } finally {
    clearTimeout(timer);
  }
}

interface Incoming {
  readonly inbox: Inbox;
  readonly first: ClientWord;
}

async function* readRequests(
  { registry }: SocketDeps,
  { target }: OpenSocket,
  { inbox, first }: Incoming,
): AsyncGenerator<Uint8Array> {
  const isOne = !target.method.descriptor.methodKind.match(/^(?:client|bidi)/);
  let hasMessage = false;
  for (let word = first; ; word = readWord(registry, target, await inbox.take())) {
    if (word.kind === 'message') {
      yield word.message;
      hasMessage = true;
    } else if (word.kind === 'start' && word !== first) {
      throw invalidRequest([{ field: 'start', description: 'Must be the first word' }]);
    }
    // A method that takes one request need not be told that there is no other; one without a body need not be sent it.
    if (isOne && (hasMessage || target.binding?.body.kind === 'none')) break;
    if (word.kind === 'end') return;
  }
  if (!hasMessage) yield urlOnly(registry, target);
}

function urlOnly(registry: FileRegistry, target: SocketTarget): Uint8Array {
  const word = readWord(registry, target, { bytes: Buffer.from('{"message":{}}'), isBinary: false });
  return word.kind === 'message' ? word.message : new Uint8Array();
}

type FromStart = Pick<IncomingCall, 'protocol' | 'peer' | 'peerName' | 'metadata' | 'timeoutMs' | 'fault'>;

function toCall({ headers, requestId, peer, peerName }: OpenSocket, first: ClientWord): FromStart {
  const base = { protocol: 'http' as const, peer, peerName };
  try {
    const said = first.kind === 'start' ? headersOf(first.start) : {};
    const all = { ...headers, ...said };
    return { ...base, metadata: toCallMetadata(all, requestId), timeoutMs: readTimeoutMs(all) };
  } catch (err) {
    if (!(err instanceof ServiceError)) throw err;
    return { ...base, metadata: new CallMetadata(), timeoutMs: undefined, fault: err };
  }
}

/** What a page says at the start stands for the headers that a browser does not let it send. */
function headersOf(start: JsonObject): IncomingHttpHeaders {
  const { token, headers = {}, ...unknown } = start;
  if (Object.keys(unknown).length > 0 || typeof headers !== 'object' || headers === null || Array.isArray(headers)) {
    throw invalidRequest([{ field: 'start', description: 'Must hold "token" and "headers" alone' }]);
  }
  const given = Object.entries(headers).flatMap(([name, value]) =>
    typeof value === 'string' ? [[name.toLowerCase(), value] as const] : [],
  );
  return { ...Object.fromEntries(given), ...(typeof token === 'string' && { authorization: `Bearer ${token}` }) };
}

/** Settles when the frame has left for the client, or when there is none any more. */
function send(socket: WebSocket, data: string | Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    if (socket.readyState !== socket.OPEN) return resolve();
    socket.send(data, () => resolve());
  });
}
