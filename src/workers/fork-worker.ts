import cluster from 'node:cluster';
import type { Line } from '../async/line.js';
import { saveConnections } from './lost-connections.js';
import type { WorkerEnd, WorkerProcess } from './supervisor.js';
import { lineToWorker } from './worker-line.js';

const READY_CHANNEL = 'ready';

export interface ForkOptions {
  /** The environment of the worker beside that of this process. */
  readonly env: Readonly<Record<string, string>>;
  /** A worker that was asked to end is killed after this time. */
  readonly stopMsMax: number;
  /** Is given the line to the worker before the worker runs. What it returns is called when the worker has ended. */
  readonly onLine: (line: Line) => () => void;
}

/** Starts what this process was started with in another process, which takes its connections from listeners which all workers share. */
export function forkWorker<Ready>({ env, stopMsMax, onLine }: ForkOptions): WorkerProcess<Ready> {
  // Advanced serialization carries what the store gives: bigints, undefined, keys such as "__proto__".
  cluster.setupPrimary({ serialization: 'advanced' });
  const worker = cluster.fork(env);
  saveConnections(worker.process);
  const line = lineToWorker(worker.process);
  const disconnect = onLine(line);
  const ended = new Promise<WorkerEnd>((resolve) => {
    worker.once('exit', (code, signal) => {
      disconnect();
      resolve({ code, signal });
    });
  });
  const ready = new Promise<Ready>((resolve, reject) => {
    line.listen((message) => {
      if (message.channel === READY_CHANNEL) resolve(message['ready'] as Ready);
    });
    void ended.then(() => reject(new WorkerStartError()));
  });
  return {
    pid: worker.process.pid,
    ready,
    ended,
    stop() {
      worker.process.kill('SIGTERM');
      const timer = setTimeout(() => worker.process.kill('SIGKILL'), stopMsMax);
      void ended.then(() => clearTimeout(timer));
    },
  };
}

/** A worker did not get as far as serving; it has said why on standard error. */
export class WorkerStartError extends Error {
  override readonly name = 'WorkerStartError';

  constructor() {
    super('A worker process ended before it could serve: see above');
  }
}

/** Tells the supervisor that this process, a worker, serves. */
export function announceReady(line: Line, ready: unknown): void {
  line.send({ channel: READY_CHANNEL, ready });
}
