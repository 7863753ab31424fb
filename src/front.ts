import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { Idempotency } from '../gen/keelson/options/v1/options.js';
import { openCertificates } from './certificates.js';
import type { Config, ListenAddress } from './config.js';
import { beginServing } from './drain.js';
import { createHttpGateway, httpSettings, type HttpGateway, type Served } from './gateway/http-server.js';
import { Cleanups } from './lifecycle.js';
import { startMonitoring } from './monitoring.js';
import { DESCRIPTOR_IMAGE, readVersion } from './package-files.js';
import type { Authenticator, Authorizer } from './rpc/access.js';
import { HealthRegistry } from './rpc/builtin/health.js';
import { CallError } from './rpc/client/call-error.js';
import { forwardService } from './rpc/client/forward.js';
import type { ClientTls } from './rpc/client/grpc-channel.js';
import { createGrpcTransport } from './rpc/client/grpc-transport.js';
import { spreadOverHealthy } from './rpc/client/health-checked.js';
import { reflectServer, type Reflected } from './rpc/client/reflect.js';
import type { Transport } from './rpc/client/transport.js';
import { ANONYMOUS, type Clock } from './rpc/context.js';
import { readDescriptorImage, withErrorDetails } from './rpc/descriptors.js';
import { createMethodTable } from './rpc/method-table.js';
import { OpenCalls } from './rpc/open-calls.js';
import { createDispatcher } from './rpc/pipeline.js';
import type { Policy } from './rpc/policy.js';

const LOOK_AGAIN_MS = 5000;

/** The server that a gateway stands before. */
export interface UpstreamOptions {
  /** `host:port`, or any name that gRPC resolves. */
  readonly address: string;
  /** Plaintext where it is left out. */
  readonly tls?: ClientTls;
  /** A file with a google.protobuf.FileDescriptorSet. The server is asked by reflection where it is left out. */
  readonly descriptorsFile?: string;
  /** Sent with reflection, where the server wants one. */
  readonly token?: string;
  /** How often the contracts are looked at again, in milliseconds. */
  readonly lookAgainMs?: number;
}

/** A gateway that stands before another server. */
export interface Front {
  readonly http: ListenAddress;
  readonly admin: ListenAddress | undefined;
  /** Looks at the contracts again; resolves to true when they have changed and are served now. Never rejects. */
  refresh(): Promise<boolean>;
  /** Drains and closes everything. */
  close(): Promise<void>;
}

type FrontConfig = Pick<
  Config,
  | 'httpListen'
  | 'profiling'
  | 'otlpEndpoint'
  | 'traceRatio'
  | 'adminListen'
  | 'tls'
  | 'corsOrigins'
  | 'limits'
  | 'httpLimits'
  | 'drainTimeoutMs'
  | 'settleMs'
>;

interface FrontDeps {
  readonly log: Logger;
  readonly clock: Clock;
}

/** Starts a gateway before the server. Rejects where its contracts cannot be read or served. */
export async function startFront(config: FrontConfig, upstream: UpstreamOptions, deps: FrontDeps): Promise<Front> {
  const cleanups = new Cleanups();
  try {
    return await start({ config, upstream, deps, cleanups });
  } catch (err) {
    await cleanups.run(deps.log);
    throw err;
  }
}

interface FrontParts {
  readonly config: FrontConfig;
  readonly upstream: UpstreamOptions;
  readonly deps: FrontDeps;
  readonly cleanups: Cleanups;
}

async function start({ config, upstream, deps, cleanups }: FrontParts): Promise<Front> {
  const { log } = deps;
  const health = new HealthRegistry();
  const openCalls = new OpenCalls();
  const certificates = await openCertificates(config, { log, cleanups });
  const { metrics, eventLoop, admin, tracing } = await startMonitoring(config, {
    log,
    health,
    openCalls,
    cleanups,
    certificates,
  });
  const transport = createGrpcTransport({
    address: upstream.address,
    serviceConfig: SPREAD_OVER_SERVING,
    messageBytesMax: config.limits.messageBytesMax,
    ...(upstream.tls !== undefined && { tls: upstream.tls }),
  });
  cleanups.add('upstream', () => transport.close());
  const ours = await readFile(DESCRIPTOR_IMAGE);
  const serve = (contracts: Reflected): Served => {
    const registry = readDescriptorImage(withErrorDetails(contracts.image, ours));
    const services = contracts.services
      .map((name) => registry.getService(name))
      .filter((service) => service !== undefined)
      .map((service) => forwardService(service, { transport, policy: OPEN }));
    const table = createMethodTable(registry, services);
    const { limits } = config;
    const shared = { table, ...deps, openCalls, limits, metrics, eventLoop, tracing };
    return {
      table,
      dispatcher: createDispatcher({ ...shared, authenticator: UPSTREAM_DECIDES, authorizer: UPSTREAM_DECIDES }),
    };
  };
  const contracts = await readContracts(upstream, transport);
  const gateway = createHttpGateway({
    ...serve(contracts),
    log,
    isReady: () => health.isServing(),
    tls: certificates.http,
    serverInfo: { name: 'keelson', version: await readVersion() },
    ...httpSettings(config),
  });
  cleanups.add('HTTP gateway', () => gateway.close(config.drainTimeoutMs));
  const http = await gateway.listen(config.httpListen);
  const refresh = createRefresh(
    { gateway, serve, log, health, read: () => readContracts(upstream, transport) },
    contracts,
  );
  const timer = setInterval(() => void refresh(), upstream.lookAgainMs ?? LOOK_AGAIN_MS).unref();
  cleanups.add('contracts', () => clearInterval(timer));
  beginServing(cleanups, config, { health, services: [], listeners: [gateway], openCalls });
  return { http, admin, refresh, close: () => cleanups.run(log) };
}

interface RefreshDeps {
  readonly gateway: HttpGateway;
  readonly serve: (contracts: Reflected) => Served;
  readonly read: () => Promise<Reflected>;
  readonly log: Logger;
  readonly health: HealthRegistry;
}

/** New contracts take the place of the old ones at once and whole. Those that cannot be served change nothing. */
function createRefresh({ gateway, serve, read, log, health }: RefreshDeps, first: Reflected): () => Promise<boolean> {
  let seen = first;
  let running: Promise<boolean> | undefined;
  const refresh = async (): Promise<boolean> => {
    try {
      const next = await read();
      health.setAll([], { serving: true });
      if (isDeepStrictEqual(next, seen)) return false;
      // Seen, whether they can be served or not: the log says so once.
      seen = next;
      gateway.replace(serve(next));
      log.info({ services: next.services }, 'contracts have changed');
      return true;
    } catch (err) {
      if (err instanceof CallError) health.setAll([], { serving: false });
      log.warn({ err }, 'contracts cannot be taken over, those from before are served');
      return false;
    }
  };
  return () => {
    running ??= refresh().finally(() => (running = undefined));
    return running;
  };
}

async function readContracts(upstream: UpstreamOptions, transport: Transport): Promise<Reflected> {
  if (upstream.descriptorsFile === undefined) return reflectServer(transport, upstream.token);
  const image = new Uint8Array(await readFile(upstream.descriptorsFile));
  const services = [...readDescriptorImage(image)].filter((desc) => desc.kind === 'service');
  return { services: services.map(({ typeName }) => typeName).sort(), image };
}

const SPREAD_OVER_SERVING = JSON.stringify({ loadBalancingConfig: spreadOverHealthy('') });

/** Where a contract says nothing, the server has all the say. */
const OPEN: Policy = {
  access: { kind: 'public' },
  deadlineDefaultMs: Infinity,
  deadlineMaxMs: Infinity,
  idempotency: Idempotency.IDEMPOTENCY_NOT_IDEMPOTENT,
};

/** The token goes on with the call, and the server that does it judges it. */
const UPSTREAM_DECIDES: Authenticator & Authorizer = {
  authenticate: () => Promise.resolve(ANONYMOUS),
  isAllowed: () => Promise.resolve(true),
};
