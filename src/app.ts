import { mkdir, readFile } from 'node:fs/promises';
import type { FileRegistry } from '@bufbuild/protobuf';
import type { Logger } from 'pino';
import { Idempotency } from '../gen/keelson/options/v1/options.js';
import { openCertificates } from './certificates.js';
import { formatAddress, type BuiltinService, type Config, type ListenAddress } from './config.js';
import { beginServing } from './drain.js';
import { createHttpGateway, httpSettings } from './gateway/http-server.js';
import { Cleanups } from './lifecycle.js';
import { monitorStorage, startMonitoring } from './monitoring.js';
import { serveSplit, splitServices, type SplitServices } from './peers.js';
import { openOwnServices } from './own-services.js';
import { DESCRIPTOR_IMAGE, readVersion } from './package-files.js';
import { createChannelzService } from './rpc/builtin/channelz.js';
import { createHealthService, HealthRegistry } from './rpc/builtin/health.js';
import { createReflectionServices } from './rpc/builtin/reflection.js';
import { createInProcessTransport } from './rpc/client/in-process-transport.js';
import { ServiceClients } from './rpc/client/service-clients.js';
import type { Clock } from './rpc/context.js';
import { createDescriptorIndex } from './rpc/descriptor-index.js';
import { readDescriptorImage } from './rpc/descriptors.js';
import { createFramedServer } from './rpc/framed/server.js';
import { createGrpcServer } from './rpc/grpc/server.js';
import { createGrpcJsServer } from './rpc/grpc-js/server.js';
import { LoadLimit, watchLoad } from './rpc/load-limit.js';
import { OpenCalls } from './rpc/open-calls.js';
import type { Policy } from './rpc/policy.js';
import { ServerFigures } from './rpc/server-figures.js';
import type { ServiceImplementation } from './rpc/service.js';
import { DATABASE, openStorage, sweepExpired } from './storage.js';
import type { Wake } from './ledger/surroundings.js';
import type { Store } from './store/store.js';
import type { Metrics } from './telemetry/metrics.js';
import type { WorkerState } from './workers/worker-state.js';

const DAY_MS = 24 * 60 * 60 * 1000;
const OWNER_ONLY_DIR = 0o700;

/** A running server. */
export interface App {
  readonly grpc: ListenAddress;
  readonly http: ListenAddress;
  /** Where metrics are shown, if anywhere. */
  readonly admin: ListenAddress | undefined;
  /** Where the first admin token was written. */
  readonly adminTokenFile: string;
  /** Drains and closes everything; takes a little more than the drain timeout at most. */
  close(): Promise<void>;
}

export interface AppDeps {
  readonly log: Logger;
  readonly clock: Clock;
  readonly extension?: Extension | undefined;
  /** Where the process is one of several that another one supervises. */
  readonly fleet?: Fleet;
}

/** Services that are served beside Keelson's own, on the same call path. */
export interface Extension {
  readonly services: readonly ServiceImplementation[];
  /** A descriptor image of their contracts and of Keelson's own. */
  readonly contracts: URL;
}

/** What a process gets from the one that supervises it, and shows to it. */
export interface Fleet {
  /** Opens the store of the supervisor, where only one process may open the engine. */
  readonly openStore: (() => Promise<Store>) | undefined;
  /** Tells the other processes of changes at once. */
  readonly wake: Wake;
  /** Takes what the supervisor shows for all. */
  readonly show: (state: WorkerState) => void;
}

const GRPC_SERVERS = { framed: createFramedServer, http2: createGrpcServer, 'grpc-js': createGrpcJsServer } as const;

/** Wires everything together. Where a step fails, those before it are undone. */
export async function startApp(config: Config, deps: AppDeps): Promise<App> {
  const cleanups = new Cleanups();
  try {
    return await start(config, deps, cleanups);
  } catch (err) {
    await cleanups.run(deps.log);
    throw err;
  }
}

async function start(config: Config, { log, clock, extension, fleet }: AppDeps, cleanups: Cleanups): Promise<App> {
  await mkdir(config.dataDir, { recursive: true, mode: OWNER_ONLY_DIR });
  const health = new HealthRegistry();
  const openCalls = new OpenCalls();
  const certificates = await openCertificates(config, { log, cleanups });
  const monitoring = await startMonitoring(config, {
    log,
    health,
    openCalls,
    cleanups,
    certificates,
    isShownElsewhere: fleet !== undefined,
  });
  const { metrics, admin, connections } = monitoring;
  const ledger = await openStorage(config, { log, cleanups, fleet, ...monitoring });
  if (metrics !== undefined) monitorStorage(metrics, ledger, config);
  const registry = readDescriptorImage(await readFile(extension?.contracts ?? DESCRIPTOR_IMAGE));
  const own = { config, ledger, registry, clock, log, cleanups };
  const { callers, audit, services, resources } = await openOwnServices(own);
  const all = [...services, ...(extension?.services ?? [])];
  for (const { definition, needs } of all) health.setNeeds(definition.fullName, needs ?? [DATABASE]);
  const split = splitServices(all, config);
  const figures = config.publicServices.has('channelz') ? new ServerFigures() : undefined;
  const load = openLoadLimit(config, cleanups);
  const { limits } = config;
  const clients = new ServiceClients();
  const builtin = createBuiltinServices(config, { health, registry, split, figures });
  const { table, dispatcher } = serveSplit(split, {
    registry,
    builtin,
    environment: { clock, log, openCalls, limits, databaseId: ledger.databaseId, load, clients, ...monitoring },
    tls: config.peerTls,
    cleanups,
    access: { authenticator: callers.authenticator, authorizer: callers.authorizer, audit: audit.sink },
  });
  clients.connect(createInProcessTransport({ table, dispatcher }));
  const adminTokenFile = await callers.prepare(table);
  sweepExpired(resources, { ledger, clock, log, cleanups, metrics });

  const createServer = GRPC_SERVERS[config.grpcTransport];
  const grpcServer = createServer({ table, dispatcher, log, limits, tls: certificates.grpc, figures, connections });
  cleanups.add('gRPC server', () => grpcServer.close(config.drainTimeoutMs));
  const grpcPort = await grpcServer.listen(formatAddress(config.grpcListen));
  const gateway = createHttpGateway({
    table,
    dispatcher,
    log,
    isReady: () => health.isServing(),
    tls: certificates.http,
    connections,
    serverInfo: { name: 'keelson', version: await readVersion() },
    ...httpSettings(config),
  });
  cleanups.add('HTTP gateway', () => gateway.close(config.drainTimeoutMs));
  const http = await gateway.listen(config.httpListen);
  beginServing(cleanups, config, { health, services: table.services, listeners: [grpcServer, gateway], openCalls });
  fleet?.show(stateOf(health, metrics));
  return {
    grpc: { host: config.grpcListen.host, port: grpcPort },
    http,
    admin,
    adminTokenFile,
    close: () => cleanups.run(log),
  };
}

function stateOf(health: HealthRegistry, metrics: Metrics | undefined): WorkerState {
  return {
    isReady: () => health.isServing(),
    metrics: async () => (await metrics?.snapshot()) ?? [],
    slowest: () => metrics?.slowest() ?? [],
  };
}

function openLoadLimit({ limits }: Config, cleanups: Cleanups): LoadLimit {
  const load = new LoadLimit(limits);
  const watch = watchLoad(load);
  cleanups.add('load watch', () => watch.close());
  return load;
}

interface BuiltinParts {
  readonly health: HealthRegistry;
  readonly registry: FileRegistry;
  readonly split: SplitServices;
  /** Undefined where nobody may look at them. */
  readonly figures: ServerFigures | undefined;
}

function createBuiltinServices(
  config: Config,
  { health, registry, split, figures }: BuiltinParts,
): ServiceImplementation[] {
  const healthService = createHealthService(health, builtinPolicy(config, 'health'));
  const channelz = figures === undefined ? [] : [createChannelzService(figures, builtinPolicy(config, 'channelz'))];
  const listed = [...split.local, ...split.remote, healthService, ...channelz].map(
    (service) => service.definition.fullName,
  );
  const index = createDescriptorIndex(registry, listed);
  return [healthService, ...channelz, ...createReflectionServices(index, builtinPolicy(config, 'reflection'))];
}

/** What the contracts of others leave unsaid. A watch and a reflection stream may stay open for a day. */
function builtinPolicy({ publicServices }: Config, service: BuiltinService): Policy {
  return {
    access: { kind: publicServices.has(service) ? 'public' : 'authenticated' },
    deadlineDefaultMs: DAY_MS,
    deadlineMaxMs: Infinity,
    idempotency: Idempotency.IDEMPOTENCY_NO_SIDE_EFFECTS,
  };
}
