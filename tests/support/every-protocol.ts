import { fromJson, toBinary, type DescMethod, type JsonValue } from '@bufbuild/protobuf';
import { createHttpGateway } from '../../src/gateway/http-server.js';
import { callRaw } from './raw-call.js';
import type { RpcServer } from './rpc-server.js';

/** What a call came back with, whatever carried it. */
export interface ProtocolAnswer {
  readonly ok: boolean;
  /** Everything that was received: status, headers, trailers and body, and once more what in it was base64. */
  readonly text: string;
}

/** Calls a method with a request, given as proto JSON, over one protocol. */
export interface Protocol {
  readonly name: string;
  call(method: string, request: JsonValue): Promise<ProtocolAnswer>;
}

/** The protocols in front of a server. Whoever opens them closes them. */
export interface Protocols {
  readonly all: readonly Protocol[];
  close(): Promise<void>;
}

/** Puts the HTTP shim in front of a gRPC server of a test, and knows how to call both. REST takes the first rule as it is. */
export async function openEveryProtocol(server: RpcServer, token: string): Promise<Protocols> {
  const gateway = createHttpGateway({
    table: server.table,
    dispatcher: server.dispatcher,
    log: server.log,
    isReady: () => true,
    serverInfo: { name: 'keelson', version: '0' },
  });
  const { port } = await gateway.listen({ host: '127.0.0.1', port: 0 });
  const base = `http://127.0.0.1:${port}`;
  const authorization = `Bearer ${token}`;
  const encode = (path: string, request: JsonValue) =>
    toBinary(inputOf(server, path).input, read(server, path, request));
  const post = async (url: string, contentType: string, body: string | Uint8Array) => {
    const init = { method: 'POST', body: body as never, headers: { authorization, 'content-type': contentType } };
    return answerOf(await fetch(url, init));
  };
  const isStream = (path: string) => inputOf(server, path).methodKind !== 'unary';
  const all: Protocol[] = [
    {
      name: 'gRPC',
      async call(path, request) {
        const body = frame(encode(path, request));
        const {
          grpcStatus,
          grpcMessage,
          headers,
          body: bytes,
        } = await callRaw(server.address, path, {
          headers: { authorization },
          body,
        });
        const text = `${grpcMessage} ${JSON.stringify(headers)} ${bytes.toString('latin1')}`;
        return { ok: grpcStatus === '0', text: withDecoded(text) };
      },
    },
    {
      name: 'Connect with JSON',
      call: (path, request) =>
        isStream(path)
          ? post(base + path, 'application/connect+json', frame(Buffer.from(JSON.stringify(request))))
          : post(base + path, 'application/json', JSON.stringify(request)),
    },
    {
      name: 'Connect with Protobuf',
      call: (path, request) =>
        isStream(path)
          ? post(base + path, 'application/connect+proto', frame(encode(path, request)))
          : post(base + path, 'application/proto', encode(path, request)),
    },
    {
      name: 'gRPC-Web',
      call: (path, request) => post(base + path, 'application/grpc-web+proto', frame(encode(path, request))),
    },
    {
      name: 'REST',
      call: (path, request) => callRest(base, path, request, authorization),
    },
  ];
  return { all, close: () => gateway.close(0) };
}

/** The contracts of the tests have one rule each: a POST with everything in the body, or a GET of a name. */
const REST: Readonly<Record<string, string>> = {
  '/people.v1.PeopleService/CreatePerson': '/v1/people',
  '/people.v1.PeopleService/RepeatPerson': '/v1/people:repeat',
};

async function callRest(
  base: string,
  path: string,
  request: JsonValue,
  authorization: string,
): Promise<ProtocolAnswer> {
  const route = REST[path];
  const { name = '' } = request as { name?: string };
  const response =
    route === undefined
      ? await fetch(`${base}/v1/${name}`, { headers: { authorization } })
      : await fetch(base + route, {
          method: 'POST',
          body: JSON.stringify(request),
          headers: { authorization, 'content-type': 'application/json' },
        });
  return answerOf(response);
}

async function answerOf(response: Response): Promise<ProtocolAnswer> {
  const body = Buffer.from(await response.arrayBuffer());
  const headers = [...response.headers].map(([key, value]) => `${key}: ${value}`).join('\n');
  const text = `${response.status}\n${headers}\n${body.toString('utf8')}`;
  // A stream, and gRPC-Web, tell a failure at their end.
  const failed = /grpc-status: ?[1-9]|"error":|"code":/.test(text);
  return { ok: response.ok && !failed, text: withDecoded(text) };
}

/** Adds what base64 in a text says: details travel in it. */
function withDecoded(text: string): string {
  const decoded = [...text.matchAll(/[A-Za-z0-9+/]{16,}={0,2}/g)].map(([token]) =>
    Buffer.from(token, 'base64').toString('latin1'),
  );
  return [text, ...decoded].join('\n');
}

function inputOf({ table }: RpcServer, path: string): DescMethod {
  const method = table.methods.get(path);
  if (method === undefined) throw new Error(`There is no method ${path}`);
  return method.descriptor;
}

function read(server: RpcServer, path: string, request: JsonValue) {
  return fromJson(inputOf(server, path).input, request, { registry: server.table.registry });
}

function frame(message: Uint8Array): Buffer {
  const framed = Buffer.alloc(5 + message.byteLength);
  framed.writeUInt32BE(message.byteLength, 1);
  framed.set(message, 5);
  return framed;
}
