import { readFile } from 'node:fs/promises';
import type { FileRegistry } from '@bufbuild/protobuf';
import { pino, type Logger } from 'pino';
import type { AuditSink } from '../../src/rpc/access.js';
import type { LazyDispatcher } from '../../src/rpc/call.js';
import type { Caller } from '../../src/rpc/context.js';
import type { ServiceClients } from '../../src/rpc/client/service-clients.js';
import { readDescriptorImage } from '../../src/rpc/descriptors.js';
import { DEFAULT_LIMITS, type Limits } from '../../src/rpc/limits.js';
import { createMethodTable, type MethodTable } from '../../src/rpc/method-table.js';
import { OpenCalls } from '../../src/rpc/open-calls.js';
import { createDispatcher } from '../../src/rpc/pipeline.js';
import type { LoadLimit } from '../../src/rpc/load-limit.js';
import type { ServiceImplementation } from '../../src/rpc/service.js';
import type { Tls } from '../../src/rpc/tls.js';
import type { EventLoopWatch } from '../../src/telemetry/event-loop.js';
import type { Metrics } from '../../src/telemetry/metrics.js';
import type { Tracing } from '../../src/telemetry/tracing.js';
import type { WorkLog } from '../../src/telemetry/work.js';
import { DESCRIPTOR_IMAGE } from '../../src/package-files.js';
import { currentTransport } from './on-each-transport.js';

export const GOOD_TOKEN = 'good-token';
export const READER_TOKEN = 'reader-token';

const CALLERS: Readonly<Record<string, Caller>> = {
  [GOOD_TOKEN]: { name: 'serviceAccounts/tester', permissions: ['*'] },
  [READER_TOKEN]: { name: 'serviceAccounts/reader', permissions: ['documents.documents.get'] },
};

/** A gRPC server on a free port, with the real pipeline around the handlers of a test. */
export interface RpcServer {
  readonly address: string;
  readonly table: MethodTable;
  readonly dispatcher: LazyDispatcher;
  readonly openCalls: OpenCalls;
  readonly log: Logger;
  /** The lines of the log so far. */
  readonly logLines: readonly Record<string, unknown>[];
  /** Says GOAWAY on every connection. */
  goAway(): void;
  close(): Promise<void>;
}

export interface RpcServerOptions {
  readonly services: readonly ServiceImplementation[];
  /** Keelson's own contracts where it is left out. */
  readonly registry?: FileRegistry;
  readonly limits?: Partial<Limits>;
  /** Of the database that the handlers answer from, where there is one. */
  readonly databaseId?: string;
  readonly tls?: Tls;
  readonly clients?: ServiceClients;
  readonly load?: Pick<LoadLimit, 'hasRoomFor' | 'begin'>;
  readonly metrics?: Pick<Metrics, 'countCall' | 'countRefused'>;
  readonly audit?: AuditSink;
  readonly tracing?: Pick<Tracing, 'beginCall'>;
  readonly work?: Pick<WorkLog, 'follow'>;
  readonly eventLoop?: Pick<EventLoopWatch, 'lagMs'>;
}

export function startRpcServer(...services: ServiceImplementation[]): Promise<RpcServer> {
  return startRpcServerWith({ services });
}

export async function startRpcServerWith({
  services,
  registry,
  limits,
  tls,
  ...watches
}: RpcServerOptions): Promise<RpcServer> {
  const table = createMethodTable(registry ?? readDescriptorImage(await readFile(DESCRIPTOR_IMAGE)), services);
  const logLines: Record<string, unknown>[] = [];
  const log = pino({ level: 'debug' }, { write: (line) => logLines.push(JSON.parse(line) as Record<string, unknown>) });
  const openCalls = new OpenCalls();
  const all = { ...DEFAULT_LIMITS, ...limits };
  const dispatcher = createDispatcher({
    table,
    authenticator: {
      authenticate: async (token) => CALLERS[token],
      authenticatePeer: async (name) => ({ name, permissions: ['*'] }),
    },
    authorizer: {
      isAllowed: async ({ caller: { permissions } }, permission) =>
        permissions.includes('*') || permissions.includes(permission),
    },
    clock: { now: () => Date.now() },
    log,
    openCalls,
    limits: all,
    ...watches,
  });
  const server = currentTransport()({ table, dispatcher, log, limits: all, tls });
  const port = await server.listen('127.0.0.1:0');
  return {
    address: `127.0.0.1:${port}`,
    table,
    dispatcher,
    openCalls,
    log,
    logLines,
    goAway: () => server.goAway(),
    close: () => server.close(1000),
  };
}
