import { randomUUID } from 'node:crypto';
import type { Certificates } from './certificates.js';
import type { Config, ListenAddress } from './config.js';
import { watchDependencies, type DependencyWatch } from './dependencies.js';
import type { Cleanups } from './lifecycle.js';
import { readVersion } from './package-files.js';
import type { CachedLedger } from './repositories/cached-ledger.js';
import type { HealthRegistry } from './rpc/builtin/health.js';
import type { OpenCalls } from './rpc/open-calls.js';
import { serverOptions } from './rpc/tls.js';
import { createAdminServer, type AdminServerDeps } from './telemetry/admin-server.js';
import type { Logger } from 'pino';
import { createWorkLog, type WorkLog } from './telemetry/work.js';
import { watchEventLoop, type EventLoopWatch } from './telemetry/event-loop.js';
import { startTracing, type Tracing } from './telemetry/tracing.js';
import { createProfiler } from './telemetry/profiler.js';
import { createMetrics, type Metrics, type MetricsSnapshot } from './telemetry/metrics.js';
import { ConnectionCounts } from './telemetry/connections.js';
import type { SlowCall } from './telemetry/slow-calls.js';
import { HealthCheckResponse_ServingStatus as ServingStatus } from '../gen/health/v1/health.js';
import { readFigures } from './console/figures.js';
import { createConsole } from './console/serve-console.js';

const SECONDS_PER_MS = 1 / 1000;

/** What shows how the process does. */
export interface Monitoring {
  readonly eventLoop: EventLoopWatch;
  readonly connections: ConnectionCounts;
  /** Undefined where nobody can look at them. */
  readonly metrics: Metrics | undefined;
  /** Where the admin listener is, if there is one. */
  readonly admin: ListenAddress | undefined;
  /** What the process depends on, and whether it is there. */
  readonly dependencies: DependencyWatch;
  /** Tells what is done for each call. */
  readonly work: WorkLog;
  /** Undefined where nothing is traced. */
  readonly tracing: Tracing | undefined;
}

interface Monitored {
  readonly health: HealthRegistry;
  readonly openCalls: OpenCalls;
  readonly cleanups: Cleanups;
  readonly certificates: Pick<Certificates, 'admin'>;
  readonly log: Logger;
  /** Another process shows what this one counts. */
  readonly isShownElsewhere?: boolean;
}

type MonitoringConfig = Pick<Config, 'adminListen' | 'profiling' | 'otlpEndpoint' | 'traceRatio'>;

/** Opens first and closes last: a start and a stop are what one wants to see. */
export async function startMonitoring(config: MonitoringConfig, monitored: Monitored): Promise<Monitoring> {
  const { log, health, openCalls, cleanups } = monitored;
  const { isShownElsewhere = false, certificates } = monitored;
  const eventLoop = watchEventLoop();
  cleanups.add('event loop watch', () => eventLoop.close());
  const dependencies = watchDependencies({ log, onChange: (name, state) => health.setDependency(name, state) });
  cleanups.add('dependency watch', () => dependencies.close());
  const tracing = await openTracing(config, cleanups);
  const work = createWorkLog({ others: tracing?.sharedWork });
  const connections = new ConnectionCounts();
  const parts = { connections, eventLoop, dependencies, tracing, work };
  if (config.adminListen === undefined) return { ...parts, metrics: undefined, admin: undefined };
  const metrics = createMetrics();
  metrics.gauge('keelson_calls_running', 'Calls that run now, open streams among them', () => openCalls.size);
  metrics.gauge(
    'keelson_event_loop_lag_seconds',
    'How late the process was at most lately',
    () => eventLoop.lagMs() * SECONDS_PER_MS,
    { across: 'max' },
  );
  metrics.gauges('keelson_connections', 'Connections that stand', {
    label: 'listener',
    read: () => connections.read(),
  });
  metrics.gauges(
    'keelson_service_serving',
    'Whether a service can do its work',
    { label: 'service', read: () => servingOf(health) },
    { across: 'min' },
  );
  if (isShownElsewhere) return { ...parts, metrics, admin: undefined };
  const shown = {
    metrics,
    sample: async () => ({ snapshot: await metrics.snapshot(), slowest: metrics.slowest() }),
    isReady: () => health.isServing(),
    lost: () => dependencies.lost(),
    profiler: config.profiling ? createProfiler() : undefined,
  };
  const admin = await openAdminListener(config.adminListen, shown, { certificates, cleanups });
  return { ...parts, metrics, admin };
}

/** The services that answer for their health, without the server as a whole. */
function servingOf(health: HealthRegistry): Record<string, number> {
  const named = [...health.entries()].filter(([service]) => service !== '');
  return Object.fromEntries(named.map(([service, status]) => [service, Number(status === ServingStatus.SERVING)]));
}

/** What the admin listener shows. */
export interface Shown extends Omit<AdminServerDeps, 'tls' | 'console'> {
  /** Gives the numbers as values. */
  readonly sample: () => Promise<{ readonly snapshot: MetricsSnapshot; readonly slowest: readonly SlowCall[] }>;
}

/** Opens the listener that shows how a process, or several, do. */
export async function openAdminListener(
  address: ListenAddress,
  { sample, ...shown }: Shown,
  { certificates, cleanups }: Pick<Monitored, 'certificates' | 'cleanups'>,
): Promise<ListenAddress> {
  const tls = certificates.admin;
  const takeSample = async () => {
    const { snapshot, slowest } = await sample();
    const lost = shown.lost?.() ?? [];
    return { time: Date.now(), figures: readFigures(snapshot), isReady: await shown.isReady(), lost, slowest };
  };
  const server = createAdminServer({
    ...shown,
    console: createConsole(takeSample),
    tls: tls && { options: () => serverOptions(tls), attach: (listener) => tls.attach(listener) },
  });
  const port = await server.listen(address);
  cleanups.add('admin listener', () => server.close());
  return { host: address.host, port };
}

/** Begins to record traces where the settings say where they go. */
async function openTracing(
  { otlpEndpoint: endpoint, traceRatio: ratio }: Pick<Config, 'otlpEndpoint' | 'traceRatio'>,
  cleanups: Cleanups,
): Promise<Tracing | undefined> {
  if (endpoint === undefined) return undefined;
  const tracing = await startTracing({ endpoint, ratio, version: await readVersion(), instance: randomUUID() });
  cleanups.add('tracing', () => tracing.close());
  return tracing;
}

/** Shows what the storage of a process does; docs/metrics.md lists it. */
export function monitorStorage(
  metrics: Metrics,
  { cache, ...ledger }: MonitoredLedger,
  { redisUrl }: Pick<Config, 'redisUrl'>,
): void {
  monitorProgress(metrics, ledger);
  metrics.gauge('keelson_cache_bytes', 'What the cache of this process reckons it holds', () => cache.nearBytes());
  // Not shown where there is no Redis, so that 0 always means that one is away.
  if (redisUrl !== undefined) {
    const sharing = () => Number(cache.isSharing());
    metrics.gauge('keelson_cache_sharing', 'Whether the cache can ask Redis now', sharing, { across: 'min' });
  }
  metrics.gauge(
    'keelson_cache_circuit_open',
    'Whether calls are kept from Redis because it did not answer in time',
    () => Number(cache.isCircuitOpen()),
    { across: 'max' },
  );
  metrics.totals('keelson_cache_hits_total', 'Reads that needed no database', {
    label: 'tier',
    read: () => ({ near: cache.metrics.nearHits, shared: cache.metrics.sharedHits, joined: cache.metrics.joined }),
  });
  metrics.totals('keelson_cache_misses_total', 'Reads of the database, by what the shared tier had', {
    label: 'cause',
    read: () => cache.metrics.misses,
  });
}

/** What is shown of a ledger with a cache. */
type MonitoredLedger = Pick<CachedLedger, 'cache' | 'revision' | 'progress'>;

function monitorProgress(metrics: Metrics, { revision, progress }: Omit<MonitoredLedger, 'cache'>): void {
  metrics.gauge('keelson_ledger_revision', 'How far this process has followed the log', () => revision(), {
    across: 'min',
  });
  metrics.gauge(
    'keelson_ledger_lag_revisions',
    'How many revisions this process knows to be in the log and has not applied',
    () => progress().lagRevisions,
    { across: 'max' },
  );
  metrics.gauge(
    'keelson_ledger_lag_milliseconds',
    'How long ago this process was at the end of the log, at most',
    () => progress().confirmedMsAgo,
    { across: 'max' },
  );
  metrics.totals('keelson_ledger_catch_ups_total', 'Looks at the end of the log, and what waited for them', {
    label: 'part',
    read: () => ({ wanted: progress().catchUpsWanted, made: progress().catchUpsMade }),
  });
}
