import type { FileRegistry } from '@bufbuild/protobuf';
import { Idempotency } from '../gen/keelson/options/v1/options.js';
import { ConfigError, type Config } from './config.js';
import type { Cleanups } from './lifecycle.js';
import type { LazyDispatcher } from './rpc/call.js';
import { forwardService } from './rpc/client/forward.js';
import { createGrpcTransport } from './rpc/client/grpc-transport.js';
import { spreadOverHealthy } from './rpc/client/health-checked.js';
import type { ClientTlsFiles } from './rpc/client/tls-files.js';
import type { Transport } from './rpc/client/transport.js';
import { ANONYMOUS } from './rpc/context.js';
import { createMethodTable, type MethodTable } from './rpc/method-table.js';
import { createDispatcher, type PipelineDeps } from './rpc/pipeline.js';
import type { Policy } from './rpc/policy.js';
import type { ServiceImplementation } from './rpc/service.js';

/** Some services run here; the calls of the others go to the processes that run them. */
export interface SplitServices {
  readonly local: readonly ServiceImplementation[];
  readonly remote: readonly RemoteService[];
}

export interface RemoteService extends Pick<ServiceImplementation, 'definition' | 'policy'> {
  /** `host:port`, or any name that gRPC resolves. */
  readonly address: string;
}

/** The methods that are served, and what does their calls. */
export interface Served {
  readonly table: MethodTable;
  readonly dispatcher: LazyDispatcher;
}

/** Sorts the services by the settings. One that neither runs here nor has a peer is not served at all. */
export function splitServices(
  all: readonly ServiceImplementation[],
  { services, peers }: Pick<Config, 'services' | 'peers'>,
): SplitServices {
  const areas = new Set(all.map(areaOf));
  const unknown = [...(services ?? []), ...peers.keys()].filter((name) => !areas.has(name));
  if (unknown.length > 0) {
    throw new ConfigError(
      `KEELSON_SERVICES, KEELSON_PEERS: there is no service "${unknown.join('", "')}", only ${[...areas].join(', ')}`,
    );
  }
  const isLocal = (service: ServiceImplementation) => services?.has(areaOf(service)) ?? true;
  const remote = all
    .filter((service) => !isLocal(service))
    .flatMap((service) => {
      const address = peers.get(areaOf(service));
      return address === undefined ? [] : [{ definition: service.definition, policy: service.policy, address }];
    });
  return { local: all.filter(isLocal), remote };
}

/** `documents` for `keelson.documents.v1.DocumentService`: how settings name a service, by its package without version. */
function areaOf({ definition: { fullName } }: Pick<ServiceImplementation, 'definition'>): string {
  const parts = fullName.split('.').slice(0, -1);
  return parts.findLast((part) => !/^v\d/.test(part)) ?? fullName;
}

type ForwardEnvironment = Omit<PipelineDeps, 'table' | 'authenticator' | 'authorizer' | 'audit'>;

interface ForwardingDeps {
  readonly registry: FileRegistry;
  readonly environment: ForwardEnvironment;
  readonly cleanups: Cleanups;
  /** How peers are called; in plaintext where it is left out. */
  readonly tls?: ClientTlsFiles | undefined;
}

interface SplitDeps extends ForwardingDeps {
  /** Run here, whatever the settings say. */
  readonly builtin: readonly ServiceImplementation[];
  /** Who may call what runs here, and what is kept of it: of calls that are passed on, the other process keeps it. */
  readonly access: Pick<PipelineDeps, 'authenticator' | 'authorizer' | 'audit'>;
}

/** Serves all: what runs here, and what is passed on. Callers see no difference. */
export function serveSplit({ local, remote }: SplitServices, { builtin, access, ...deps }: SplitDeps): Served {
  const table = createMethodTable(deps.registry, [...local, ...builtin]);
  const dispatcher = createDispatcher({ ...deps.environment, ...access, table });
  return remote.length === 0 ? { table, dispatcher } : joinServed({ table, dispatcher }, forwardRemote(remote, deps));
}

/** Serves the services of other processes by passing their calls on; connections close with the cleanups. */
function forwardRemote(
  remote: readonly RemoteService[],
  { registry, environment, cleanups, tls }: ForwardingDeps,
): Served {
  const transports = new Map<string, Transport>();
  const transportTo = (address: string): Transport => {
    const known = transports.get(address);
    if (known !== undefined) return known;
    const { messageBytesMax } = environment.limits;
    const shared = { serviceConfig: SPREAD_OVER_SERVING, messageBytesMax };
    const transport = createGrpcTransport({ address, ...shared, ...(tls !== undefined && { tls }) });
    transports.set(address, transport);
    cleanups.add(`peer ${address}`, () => transport.close());
    return transport;
  };
  const services = remote.flatMap(({ definition, policy = UNSTATED, address }) => {
    const service = registry.getService(definition.fullName);
    return service === undefined ? [] : [forwardService(service, { transport: transportTo(address), policy })];
  });
  const table = createMethodTable(registry, services);
  return { table, dispatcher: createDispatcher({ ...environment, ...PEER_DECIDES, table }) };
}

function joinServed(local: Served, remote: Served): Served {
  const of = ({ path }: { readonly path: string }): LazyDispatcher =>
    remote.table.methods.has(path) ? remote.dispatcher : local.dispatcher;
  return {
    table: {
      registry: local.table.registry,
      methods: new Map([...local.table.methods, ...remote.table.methods]),
      services: [...local.table.services, ...remote.table.services],
    },
    dispatcher: {
      refuse: (method) => of(method).refuse(method),
      unary: (method, call, request) => of(method).unary(method, call, request),
      serverStream: (method, call, request) => of(method).serverStream(method, call, request),
      clientStream: (method, call, requests) => of(method).clientStream(method, call, requests),
      bidiStream: (method, call, requests) => of(method).bidiStream(method, call, requests),
    },
  };
}

const SPREAD_OVER_SERVING = JSON.stringify({ loadBalancingConfig: spreadOverHealthy('') });

/** Every service that is split states a policy, in its contract or beside it. */
const UNSTATED: Policy = {
  access: { kind: 'authenticated' },
  deadlineDefaultMs: 0,
  deadlineMaxMs: 0,
  idempotency: Idempotency.IDEMPOTENCY_NOT_IDEMPOTENT,
};

/**
 * The token goes on with the call, and the process that does it judges it, and keeps the audit. A call without one ends
 * here: the certificate that the peer sees is that of this process, and the call would pass for one of its own.
 */
const PEER_DECIDES: Pick<PipelineDeps, 'authenticator' | 'authorizer' | 'audit'> = {
  authenticator: { authenticate: () => Promise.resolve(ANONYMOUS) },
  authorizer: { isAllowed: () => Promise.resolve(true) },
  audit: { record: () => Promise.resolve() },
};
