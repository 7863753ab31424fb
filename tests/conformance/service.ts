import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type DescMethod,
  type FileRegistry,
  type Message,
} from '@bufbuild/protobuf';
import { anyPack, type Any } from '@bufbuild/protobuf/wkt';
import { setTimeout as delay } from 'node:timers/promises';
import type { IncomingCall } from '../../src/rpc/call.js';
import type { Code } from '../../src/rpc/codes.js';
import { ServiceError } from '../../src/rpc/errors.js';
import type { CallMetadata } from '../../src/rpc/metadata.js';
import type { AnyHandler, MessageCodec, MethodDefinition, ServiceImplementation } from '../../src/rpc/service.js';
import { StatusError } from '../../src/rpc/status.js';
import { OPEN_POLICY } from '../support/call-fixture.js';
import {
  messageOf,
  type ErrorDefinition,
  type Header,
  type Request,
  type StreamDefinition,
  type UnaryDefinition,
} from './contract.js';

const SERVICE = 'connectrpc.conformance.v1.ConformanceService';

/** The service of the suite: it answers as each request says, and tells what it has seen of the call. */
export function createConformanceService(registry: FileRegistry): ServiceImplementation {
  const service = registry.getService(SERVICE);
  if (service === undefined) throw new Error(`The contract has no service ${SERVICE}`);
  const handlers: Record<string, AnyHandler> = {};
  const methods: Record<string, MethodDefinition> = {};
  for (const method of service.methods) {
    handlers[method.localName] = handlerOf(registry, method);
    methods[method.localName] = {
      name: method.name,
      requestType: codecOf(method.input),
      requestStream: method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming',
      responseType: codecOf(method.output),
      responseStream: method.methodKind === 'server_streaming' || method.methodKind === 'bidi_streaming',
      options: {},
    };
  }
  const definition = { name: service.name, fullName: service.typeName, methods };
  return { definition, handlers, policy: OPEN_POLICY };
}

function codecOf(schema: DescMessage): MessageCodec<unknown> {
  return {
    encode: (message) => ({ finish: () => toBinary(schema, message as Message) }),
    decode: (bytes) => fromBinary(schema, bytes),
    fromPartial: (message) => message,
  };
}

function handlerOf(registry: FileRegistry, method: DescMethod): AnyHandler {
  const scene = { registry, method };
  switch (method.methodKind) {
    case 'unary':
      if (method.name === 'Unimplemented') return unimplemented;
      return (_ctx, request, call) => {
        const { responseDefinition } = request as Request<UnaryDefinition>;
        return answerOnce({ ...scene, call, definition: responseDefinition, requests: [request as Message] });
      };
    case 'client_streaming':
      return async (_ctx, requests, call) => {
        const all: Request<UnaryDefinition>[] = [];
        for await (const request of requests as AsyncIterable<Request<UnaryDefinition>>) all.push(request);
        return answerOnce({ ...scene, call, definition: all[0]?.responseDefinition, requests: all });
      };
    case 'server_streaming':
      return (_ctx, request, call) => {
        const { responseDefinition } = request as Request<StreamDefinition>;
        return answerMany({ ...scene, call, definition: responseDefinition }, [request as Message]);
      };
    case 'bidi_streaming':
      return (_ctx, requests, call) => chat({ ...scene, call }, requests as AsyncIterable<Request<StreamDefinition>>);
  }
}

function unimplemented(): Promise<never> {
  return Promise.reject(new ServiceError('METHOD_NOT_FOUND', 'Method is not implemented'));
}

interface Scene {
  readonly registry: FileRegistry;
  readonly method: DescMethod;
  readonly call: IncomingCall;
}

interface UnaryScene extends Scene {
  readonly definition: UnaryDefinition | undefined;
  readonly requests: readonly Message[];
}

async function answerOnce(scene: UnaryScene): Promise<Message> {
  const { definition, requests } = scene;
  const info = requestInfo(scene, requests);
  if (definition === undefined) return payloadOf(scene, new Uint8Array(), info);
  addHeaders(scene.call.responseMetadata, definition.responseHeaders);
  if (scene.call.responseTrailers) addHeaders(scene.call.responseTrailers, definition.responseTrailers);
  await delay(definition.responseDelayMs);
  if (definition.response.case === 'error') throw toError(scene, definition.response.value, info);
  return payloadOf(scene, definition.response.value ?? new Uint8Array(), info);
}

interface StreamScene extends Scene {
  readonly definition: StreamDefinition | undefined;
}

async function* answerMany(scene: StreamScene, requests: readonly Message[], already = 0): AsyncGenerator<Message> {
  const { definition } = scene;
  if (definition === undefined) return;
  if (already === 0) announce(scene);
  let sent = already;
  for (const data of definition.responseData.slice(already)) {
    await delay(definition.responseDelayMs);
    yield payloadOf(scene, data, sent === 0 ? requestInfo(scene, requests) : undefined);
    sent += 1;
  }
  if (definition.error === undefined) return;
  throw toError(scene, definition.error, sent === 0 ? requestInfo(scene, requests) : undefined);
}

function announce({ call, definition }: StreamScene): void {
  addHeaders(call.responseMetadata, definition?.responseHeaders ?? []);
  if (call.responseTrailers) addHeaders(call.responseTrailers, definition?.responseTrailers ?? []);
}

/** In full duplex each request is answered as it comes, for as long as there are answers. */
async function* chat(scene: Scene, requests: AsyncIterable<Request<StreamDefinition>>): AsyncGenerator<Message> {
  let definition: StreamDefinition | undefined;
  let isFullDuplex: boolean | undefined;
  let sent = 0;
  let unanswered: Message[] = [];
  for await (const request of requests) {
    definition ??= request.responseDefinition;
    isFullDuplex ??= request.fullDuplex === true;
    unanswered.push(request);
    if (!isFullDuplex) continue;
    const data = definition?.responseData[sent];
    if (definition === undefined || data === undefined) break;
    if (sent === 0) announce({ ...scene, definition });
    await delay(definition.responseDelayMs);
    yield payloadOf(scene, data, sent === 0 ? requestInfo(scene, unanswered) : onlyRequests(scene, unanswered));
    unanswered = [];
    sent += 1;
  }
  yield* answerMany({ ...scene, definition }, unanswered, sent);
}

function payloadOf({ registry, method }: Scene, data: Uint8Array, info: Message | undefined): Message {
  const payload = create(messageOf(registry, 'ConformancePayload'), { data, ...(info && { requestInfo: info }) });
  return create(method.output, { payload }) as Message;
}

function onlyRequests({ registry, method }: Scene, requests: readonly Message[]): Message {
  const schema = messageOf(registry, 'ConformancePayload.RequestInfo');
  return create(schema, { requests: packAll(method, requests) }) as Message;
}

function requestInfo(scene: Scene, requests: readonly Message[]): Message {
  const { registry, method, call } = scene;
  const schema = messageOf(registry, 'ConformancePayload.RequestInfo');
  const values = new Map<string, string[]>();
  const keep = (key: string, value: string) => values.set(key, [...(values.get(key) ?? []), value]);
  for (const [key, value] of call.metadata.entries()) keep(key, value);
  for (const [key, value] of call.metadata.binaryEntries()) keep(key, Buffer.from(value).toString('base64'));
  const requestHeaders = [...values].map(([name, value]) => create(messageOf(registry, 'Header'), { name, value }));
  const { timeoutMs } = call;
  return create(schema, {
    requestHeaders,
    requests: packAll(method, requests),
    ...(timeoutMs !== undefined && { timeoutMs: BigInt(Math.round(timeoutMs)) }),
  }) as Message;
}

function packAll({ input }: DescMethod, requests: readonly Message[]): Any[] {
  return requests.map((request) => anyPack(input, request));
}

function addHeaders(target: CallMetadata, headers: readonly Header[]): void {
  for (const { name, value: values } of headers) {
    for (const value of values) {
      if (name.toLowerCase().endsWith('-bin')) target.addBinary(name, Buffer.from(value, 'base64'));
      else target.add(name, value);
    }
  }
}

function toError({ registry }: Scene, error: ErrorDefinition, info: Message | undefined): StatusError {
  const details = error.details.map(({ typeUrl, value }) => ({ typeUrl, value: Buffer.from(value) }));
  if (info !== undefined) {
    const { typeUrl, value } = anyPack(messageOf(registry, 'ConformancePayload.RequestInfo'), info);
    details.push({ typeUrl, value: Buffer.from(value) });
  }
  return new StatusError(error.code as Code, error.message ?? '', details);
}
