// Runs in a page of a browser: the clients that people use there, for a test to call.
import { createFileRegistry, fromBinary, toBinary, create, type DescService } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { ConnectError, createClient, type Client } from '@connectrpc/connect';
import { createConnectTransport, createGrpcWebTransport } from '@connectrpc/connect-web';
import { GrpcWebClientBase, MethodDescriptor, type RpcError } from 'grpc-web';

/** What a call in the page came to. */
export interface Outcome {
  readonly messages: readonly Record<string, unknown>[];
  /** The code of a failure: a number in all protocols. */
  readonly code?: number;
  readonly text?: string;
  /** The types of the details, and what is in them as text. */
  readonly details?: string;
}

/** What a call in the page is. */
export interface PageCall {
  readonly base: string;
  readonly protocol: 'connect' | 'connect-get' | 'connect-binary' | 'connect-grpc-web' | 'grpc-web' | 'grpc-web-text';
  readonly service: string;
  readonly method: string;
  readonly request: Record<string, unknown>;
  readonly timeoutMs?: number;
  /** Cancels the call after so many messages, or, with 0, after a moment. */
  readonly cancelAfter?: number;
}

export interface BrowserClients {
  call(call: PageCall): Promise<Outcome>;
  /** Listens to server-sent events until there are so many. */
  listen(url: string, count: number): Promise<{ data: unknown; id: string }[]>;
  /** Says each word, and gives what is heard until the socket closes. */
  talk(url: string, words: readonly string[]): Promise<{ heard: unknown[]; code: number }>;
}

const CANCEL_AFTER_MS = 100;

const clients: BrowserClients = {
  call: (call) => (call.protocol.startsWith('connect') ? callConnect(call) : callGrpcWeb(call)),
  listen: (url, count) =>
    new Promise((resolve) => {
      const events: { data: unknown; id: string }[] = [];
      const source = new EventSource(url);
      source.addEventListener('message', ({ data, lastEventId }: MessageEvent) => {
        events.push({ data: JSON.parse(data as string), id: lastEventId });
        if (events.length < count) return;
        source.close();
        resolve(events);
      });
    }),
  talk: (url, words) =>
    new Promise((resolve) => {
      const heard: unknown[] = [];
      const socket = new WebSocket(url, 'keelson.v1.json');
      socket.addEventListener('open', () => words.forEach((word) => socket.send(word)));
      socket.addEventListener('message', ({ data }: MessageEvent) => heard.push(JSON.parse(data as string)));
      socket.addEventListener('close', ({ code }) => resolve({ heard, code }));
    }),
};
Object.assign(globalThis, { clients });

async function callConnect({ base: baseUrl, protocol, service, method, ...call }: PageCall): Promise<Outcome> {
  const transport =
    protocol === 'connect-grpc-web'
      ? createGrpcWebTransport({ baseUrl })
      : createConnectTransport({
          baseUrl,
          useHttpGet: protocol === 'connect-get',
          useBinaryFormat: protocol === 'connect-binary',
        });
  const client = createClient(await serviceOf(service), transport) as Client<DescService> & Record<string, never>;
  const aborting = new AbortController();
  if (call.cancelAfter === 0) setTimeout(() => aborting.abort(), CANCEL_AFTER_MS);
  const options = { signal: aborting.signal, ...(call.timeoutMs !== undefined && { timeoutMs: call.timeoutMs }) };
  const messages: Record<string, unknown>[] = [];
  try {
    const start = client[method] as unknown as (request: object, options: object) => unknown;
    const answer = start(call.request, options);
    if (isIterable(answer)) {
      for await (const message of answer) {
        messages.push(plain(message));
        if (messages.length === call.cancelAfter) aborting.abort();
      }
    } else messages.push(plain((await answer) as object));
    return { messages };
  } catch (err) {
    const { code, rawMessage, details } = ConnectError.from(err);
    const shown = details.map((detail) =>
      'type' in detail ? `${detail.type} ${new TextDecoder('latin1').decode(detail.value)}` : detail.desc.typeName,
    );
    return { messages, code, text: rawMessage, details: shown.join('\n') };
  }
}

async function callGrpcWeb({
  base,
  protocol,
  service,
  method,
  request,
  timeoutMs,
  cancelAfter,
}: PageCall): Promise<Outcome> {
  const desc = (await serviceOf(service)).method[method];
  if (desc === undefined) throw new Error(`No method ${method}`);
  const path = `/${service}/${desc.name}`;
  const kind = desc.methodKind === 'unary' ? 'unary' : 'server_streaming';
  const descriptor = new MethodDescriptor(
    path,
    kind as never,
    Object as never,
    Object as never,
    (message: object) => toBinary(desc.input, create(desc.input, message as never)),
    (bytes: Uint8Array) => fromBinary(desc.output, bytes) as object,
  );
  const client = new GrpcWebClientBase({ format: protocol === 'grpc-web-text' ? 'text' : 'binary' } as never);
  const metadata: Record<string, string> = timeoutMs === undefined ? {} : { deadline: String(Date.now() + timeoutMs) };
  const messages: Record<string, unknown>[] = [];
  return new Promise((resolve) => {
    const fail = ({ code, message, metadata: trailers }: RpcError) =>
      resolve({ messages, code, text: message, details: atob(trailers?.['grpc-status-details-bin'] ?? '') });
    const stream =
      kind === 'unary'
        ? client.rpcCall(base + path, request, metadata, descriptor, (err, message) => {
            if (err !== null) return fail(err);
            messages.push(plain(message as object));
            resolve({ messages });
          })
        : client.serverStreaming(base + path, request, metadata, descriptor);
    const cancel = () => {
      stream.cancel();
      resolve({ messages, code: 1 });
    };
    if (cancelAfter === 0) setTimeout(cancel, CANCEL_AFTER_MS);
    if (kind === 'unary') return;
    stream.on('data', (message) => {
      messages.push(plain(message as object));
      if (messages.length === cancelAfter) cancel();
    });
    stream.on('error', fail);
    stream.on('end', () => resolve({ messages }));
  });
}

async function serviceOf(typeName: string): Promise<DescService> {
  const bytes = new Uint8Array(await (await fetch('/contracts')).arrayBuffer());
  const service = createFileRegistry(fromBinary(FileDescriptorSetSchema, bytes)).getService(typeName);
  if (service === undefined) throw new Error(`No service ${typeName}`);
  return service;
}

function isIterable(value: unknown): value is AsyncIterable<object> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

/** A page hands only plain values to its test. */
function plain(message: object): Record<string, unknown> {
  const text = JSON.stringify(message, (_key, value: unknown) => (typeof value === 'bigint' ? `${value}` : value));
  return JSON.parse(text) as Record<string, unknown>;
}
