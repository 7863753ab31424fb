import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import type { App } from '../app.js';
import type { Line } from '../async/line.js';
import { openCertificates } from '../certificates.js';
import { formatAddress, stopMsMax, type Config, type ListenAddress } from '../config.js';
import { Cleanups } from '../lifecycle.js';
import { openAdminListener } from '../monitoring.js';
import { openStore } from '../storage.js';
import { answerStoreCalls } from '../store/remote/answer-store-calls.js';
import { addUp, createMetrics, renderTogether } from '../telemetry/metrics.js';
import { forkWorker } from '../workers/fork-worker.js';
import { relayWakes } from '../workers/line-wake.js';
import { createSupervisor } from '../workers/supervisor.js';
import { createWorkerStates, type WorkerStates } from '../workers/worker-state.js';
import { stopSignal } from './run-until-stopped.js';
import { welcome } from './welcome.js';

const OWNER_ONLY_DIR = 0o700;
/** What a worker may take to end beyond the time that it gives itself. */
const WORKER_STOP_GRACE_MS = 2000;

/** What a worker tells when it serves. */
export type WorkerReady = Pick<App, 'grpc' | 'http' | 'adminTokenFile'>;

/**
 * Runs several processes on the same ports, and keeps them running; SIGHUP replaces them one by one. This process serves
 * no calls. It owns what there can only be one of: the listeners, the admin listener and, on the embedded engine, the
 * database, which the workers use over a line to it.
 */
export async function serveWithWorkers(config: Config, log: Logger): Promise<boolean> {
  const cleanups = new Cleanups();
  try {
    return await supervise(config, log, cleanups);
  } finally {
    await cleanups.run(log);
  }
}

async function supervise(config: Config, log: Logger, cleanups: Cleanups): Promise<boolean> {
  const states = createWorkerStates();
  const admin = await showStates(config, states, { log, cleanups });
  const onLine = await connectWorkers(config, states, cleanups);
  const env = {
    KEELSON_GRPC_LISTEN: formatAddress(await chooseFreePort(config.grpcListen)),
    KEELSON_HTTP_LISTEN: formatAddress(await chooseFreePort(config.httpListen)),
  };
  const supervisor = createSupervisor<WorkerReady>({
    count: config.workers,
    log,
    fork: () => forkWorker({ env, stopMsMax: stopMsMax(config) + WORKER_STOP_GRACE_MS, onLine }),
  });
  const ready = await supervisor.start();
  process.on('SIGHUP', () => void supervisor.replaceAll());
  const stopped = stopSignal();
  process.stdout.write(welcome(config, { ...ready, admin }));
  await stopped;
  return supervisor.stop();
}

/** Where any free port may be taken, all workers take the same, and those that follow take it again. */
async function chooseFreePort(address: ListenAddress): Promise<ListenAddress> {
  if (address.port !== 0) return address;
  const probe = createServer();
  probe.listen(address);
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return { host: address.host, port };
}

async function showStates(
  config: Config,
  states: WorkerStates,
  { log, cleanups }: { readonly log: Logger; readonly cleanups: Cleanups },
): Promise<ListenAddress | undefined> {
  if (config.adminListen === undefined) return undefined;
  const own = createMetrics();
  const snapshots = async () => [await own.snapshot(), ...(await states.metrics())];
  const shown = {
    isReady: () => states.isReady(),
    metrics: { render: async () => renderTogether(await snapshots()) },
    sample: async () => ({ snapshot: await addUp(await snapshots()), slowest: await states.slowest() }),
  };
  const certificates = await openCertificates(config, { log, cleanups });
  return openAdminListener(config.adminListen, shown, { certificates, cleanups });
}

/** Gives what is done with the line to each new worker, and what is undone when that worker has ended. */
async function connectWorkers(
  config: Config,
  states: WorkerStates,
  cleanups: Cleanups,
): Promise<(line: Line) => () => void> {
  if (config.storeUrl !== undefined) return (line) => connect(line, states);
  await mkdir(config.dataDir, { recursive: true, mode: OWNER_ONLY_DIR });
  const store = await openStore(config);
  cleanups.add('store', () => store.close());
  return (line) => {
    const unserve = answerStoreCalls(line, store);
    const disconnect = connect(line, states);
    return () => {
      unserve();
      disconnect();
    };
  };
}

function connect(line: Line, states: WorkerStates): () => void {
  states.add(line);
  const unrelay = relayWakes(line, () => states.lines());
  return () => {
    unrelay();
    states.delete(line);
  };
}
