import { fromBinary, toJson, type JsonValue } from '@bufbuild/protobuf';
import { Readable } from 'node:stream';
import { pino } from 'pino';
import { DEFAULT_HTTP_LIMITS, type OwnHttpLimits } from '../../src/gateway/http-limits.js';
import { createHttpGateway, type HttpGateway } from '../../src/gateway/http-server.js';
import type { IncomingCall, LazyDispatcher, Request } from '../../src/rpc/call.js';
import { createGrpcServer } from '../../src/rpc/grpc/server.js';
import type { Method, MethodTable } from '../../src/rpc/method-table.js';
import { toStatusError } from '../../src/rpc/status.js';
import { currentGateway, startApart, toSettings } from '../support/on-each-gateway.js';
import { aTable, fixtureRegistry } from '../unit/gateway/fixture.js';

export type Answer = (call: IncomingCall, request: Uint8Array, method: Method) => Promise<Uint8Array>;

/** Stands in for the call path: keeps what arrived and answers as the test says. */
export class Recorder {
  calls: { method: string; path: string; request: JsonValue; call: IncomingCall }[] = [];
  refused: (line: object) => void = () => {};
  answer: Answer = (_call, request) => Promise.resolve(request);
  answerMany: (call: IncomingCall, request: Uint8Array) => AsyncIterable<Uint8Array> = () => Readable.from([]);

  get dispatcher(): LazyDispatcher {
    const unary: LazyDispatcher['unary'] = async (method, call, request) => {
      try {
        return await this.answer(call, await this.#take(method, call, request), method);
      } catch (err) {
        throw toStatusError(err, 'r');
      }
    };
    const answerMany = (...args: Parameters<typeof this.answerMany>) => this.answerMany(...args);
    const take = (...args: [Method, IncomingCall, Request]) => this.#take(...args);
    const serverStream: LazyDispatcher['serverStream'] = async function* (method, call, request) {
      try {
        yield* answerMany(call, await take(method, call, request));
      } catch (err) {
        throw toStatusError(err, 'r');
      }
    };
    return { unary, serverStream } as LazyDispatcher;
  }

  /** Reads a request as the call path does, which writes a line about one that is refused. */
  async #receive(request: Request): Promise<Uint8Array> {
    try {
      return typeof request === 'function' ? await request() : request;
    } catch (err) {
      const status = toStatusError(err, 'r');
      this.refused({ protocol: 'http', code: status.codeName });
      throw status;
    }
  }

  /** Does what the call path does with a call that is at fault, and with a request that has not arrived yet. */
  async #take(method: Method, call: IncomingCall, given: Request): Promise<Uint8Array> {
    if (call.fault !== undefined) throw call.fault;
    const request = await this.#receive(given);
    const { input, name } = method.descriptor;
    const json = toJson(input, fromBinary(input, request), { registry: fixtureRegistry() });
    this.calls.push({ method: name, path: method.path, request: json, call });
    return request;
  }
}

export const BODY_BYTES_MAX = 1000;

/** A gateway on a port of its own, in front of a recorder. Whoever starts one closes it. */
export interface RunningGateway {
  readonly gateway: Pick<HttpGateway, 'close'>;
  readonly recorder: Recorder;
  readonly port: number;
  readonly base: string;
  /** What it has logged. */
  readonly log: readonly object[];
  setReady(isReady: boolean): void;
  readonly call: (path: string, init?: RequestInit) => Promise<CallAnswer>;
}

export interface CallAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: Record<string, never> | undefined;
}

export interface GatewayOptions extends Partial<OwnHttpLimits> {
  readonly bodyBytesMax?: number;
}

export async function startGateway(
  services: readonly string[] = ['ThingService'],
  { bodyBytesMax = BODY_BYTES_MAX, ...own }: GatewayOptions = {},
): Promise<RunningGateway> {
  if (currentGateway() === 'in front of the server') return lendApart(services, { bodyBytesMax, own });
  const recorder = new Recorder();
  const log: object[] = [];
  const keep = (line: object) => log.push(line);
  recorder.refused = keep;
  let ready = true;
  const gateway = createHttpGateway({
    table: aTable(services),
    dispatcher: recorder.dispatcher,
    log: { info: keep, error: keep } as never,
    isReady: () => ready,
    serverInfo: { name: 'keelson', version: '1.2.3' },
    allowedOrigins: ['https://app.example.com'],
    limits: { ...DEFAULT_HTTP_LIMITS, requestTimeoutMs: 2000, ...own, bodyBytesMax },
  });
  const { port } = await gateway.listen({ host: '127.0.0.1', port: 0 });
  const base = `http://127.0.0.1:${port}`;
  return {
    gateway,
    recorder,
    port,
    base,
    log,
    setReady: (isReady) => (ready = isReady),
    call: callOn(base),
  };
}

function callOn(base: string): RunningGateway['call'] {
  return async (path, init = {}) => {
    const response = await fetch(`${base}${path}`, init);
    const text = await response.text();
    const isJson = text.startsWith('{') || text.startsWith('[');
    const json = isJson ? (JSON.parse(text) as Record<string, never>) : undefined;
    return { status: response.status, headers: response.headers, text, json };
  };
}

/** A process is slow to start: one serves all tests that want the same of it, each with a recorder of its own. */
interface Apart {
  recorder: Recorder;
  readonly base: string;
  readonly port: number;
  close(): Promise<void>;
}

const apart = new Map<string, Promise<Apart>>();

/** A hook for `after()`: ends the processes that {@link startGateway} has left running for other tests. */
export async function closeGatewaysApart(): Promise<void> {
  const running = await Promise.all(apart.values());
  apart.clear();
  for (const one of running) await one.close();
}

interface ApartLimits {
  readonly bodyBytesMax: number;
  readonly own: Partial<OwnHttpLimits>;
}

async function lendApart(services: readonly string[], limits: ApartLimits): Promise<RunningGateway> {
  const key = JSON.stringify([services, limits]);
  const starting = apart.get(key) ?? startGatewayApart(services, limits);
  apart.set(key, starting);
  const running = await starting;
  const recorder = new Recorder();
  running.recorder = recorder;
  const { base, port } = running;
  return {
    gateway: { close: () => Promise.resolve() },
    recorder,
    port,
    base,
    log: [],
    setReady: () => undefined,
    call: callOn(base),
  };
}

async function startGatewayApart(services: readonly string[], { bodyBytesMax, own }: ApartLimits): Promise<Apart> {
  const table = aTable(services) as MethodTable;
  const running: { recorder: Recorder } = { recorder: new Recorder() };
  const dispatcher: Omit<LazyDispatcher, 'clientStream' | 'bidiStream'> = {
    refuse: () => undefined,
    unary: (...args) => running.recorder.dispatcher.unary(...args),
    serverStream: (...args) => running.recorder.dispatcher.serverStream(...args),
  };
  const log = pino({ level: 'silent' });
  const server = createGrpcServer({ table, dispatcher: dispatcher as LazyDispatcher, log });
  const address = `127.0.0.1:${await server.listen('127.0.0.1:0')}`;
  const settings = {
    KEELSON_CORS_ORIGINS: 'https://app.example.com',
    KEELSON_MESSAGE_BYTES_MAX: String(bodyBytesMax),
    ...toSettings(own),
  };
  const gateway = await startApart({ address, table }, settings);
  const close = async () => {
    await gateway.close();
    await server.close(0);
  };
  return Object.assign(running, { base: gateway.base, port: gateway.port, close });
}
