import { fromBinary, toJson, type JsonValue } from '@bufbuild/protobuf';
import { readdirSync, readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pino } from 'pino';
import { createHttpGateway } from '../../src/gateway/http-server.js';
import { readDescriptorImage } from '../../src/rpc/descriptors.js';
import { DEFAULT_LIMITS } from '../../src/rpc/limits.js';
import { createMethodTable, type MethodTable } from '../../src/rpc/method-table.js';
import { OpenCalls } from '../../src/rpc/open-calls.js';
import { createDispatcher } from '../../src/rpc/pipeline.js';
import type { ServiceDefinition, ServiceImplementation } from '../../src/rpc/service.js';

/** A gateway in front of the whole call path of our own contracts, whose handlers only keep what arrives. */
export interface OwnContracts {
  readonly port: number;
  readonly table: MethodTable;
  readonly takeArrived: () => { method: string; request: JsonValue }[];
  close(): Promise<void>;
}

export async function startOwnContracts(): Promise<OwnContracts> {
  const log = pino({ level: 'silent' });
  const registry = readDescriptorImage(readFileSync('gen/descriptors.binpb'));
  const arrived: { method: string; request: JsonValue }[] = [];
  const definitions = await ownServices();
  const services = definitions.map((definition): ServiceImplementation => ({
    definition,
    handlers: Object.fromEntries(
      Object.entries(definition.methods).map(([key, method]) => {
        const path = `/${definition.fullName}/${method.name}`;
        const keep = (request: unknown) => {
          const input = table.methods.get(path)?.descriptor.input;
          if (input === undefined) throw new Error(`No method ${path}`);
          const bytes = method.requestType.encode(request).finish();
          arrived.push({ method: path, request: toJson(input, fromBinary(input, bytes), { registry }) });
        };
        const unary = (_ctx: unknown, request: unknown) => {
          keep(request);
          return Promise.resolve(method.responseType.fromPartial({}));
        };
        const stream = (_ctx: unknown, request: unknown) => {
          keep(request);
          return Readable.from([]);
        };
        return [key, method.responseStream ? stream : unary];
      }),
    ),
    policy: undefined,
  }));
  const table = createMethodTable(registry, services);
  const dispatcher = createDispatcher({
    table,
    authenticator: { authenticate: () => Promise.resolve({ name: 'serviceAccounts/tester', permissions: ['*'] }) },
    authorizer: { isAllowed: () => Promise.resolve(true) },
    clock: { now: () => Date.now() },
    log,
    openCalls: new OpenCalls(),
    limits: DEFAULT_LIMITS,
  });
  const gateway = createHttpGateway({
    table,
    dispatcher,
    log,
    isReady: () => true,
    serverInfo: { name: 'keelson', version: '0.0.0' },
  });
  const { port } = await gateway.listen({ host: '127.0.0.1', port: 0 });
  return {
    port,
    table,
    takeArrived: () => arrived.splice(0),
    close: () => gateway.close(),
  };
}

async function ownServices(): Promise<ServiceDefinition[]> {
  const paths = readdirSync('gen/keelson', { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.ts'),
  );
  const modules = await Promise.all(
    paths.map((path) => import(`../../gen/keelson/${path.replace(/\.ts$/, '.js')}`) as Promise<object>),
  );
  return modules.flatMap((module): unknown[] => Object.values(module)).filter(isService);
}

function isService(value: unknown): value is ServiceDefinition {
  return typeof value === 'object' && value !== null && 'fullName' in value && 'methods' in value;
}
