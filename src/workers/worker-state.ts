import { answerCalls, createLineCaller, type Line } from '../async/line.js';
import type { MetricsSnapshot } from '../telemetry/metrics.js';
import { slowestOf, type SlowCall } from '../telemetry/slow-calls.js';

const STATE_CHANNEL = 'state';
/** A worker that does not answer for so long is left out. */
const ANSWER_MS_MAX = 1000;

/** What a worker tells its supervisor when it is asked. */
export interface WorkerState {
  isReady(): boolean;
  metrics(): Promise<MetricsSnapshot>;
  slowest(): readonly SlowCall[];
}

/** The worker's side. */
export function answerWorkerState(line: Line, state: WorkerState): void {
  answerCalls(line, STATE_CHANNEL, {
    isReady: () => state.isReady(),
    metrics: () => state.metrics(),
    slowest: () => state.slowest(),
  });
}

/** The supervisor's side: asks all workers, and leaves out those that do not answer in time. */
export interface WorkerStates {
  add(line: Line): void;
  delete(line: Line): void;
  lines(): Iterable<Line>;
  /** Tells whether any worker can do its work. */
  isReady(): Promise<boolean>;
  metrics(): Promise<readonly MetricsSnapshot[]>;
  /** The slowest calls of all of them. */
  slowest(): Promise<readonly SlowCall[]>;
}

export function createWorkerStates(): WorkerStates {
  const callers = new Map<Line, ReturnType<typeof createLineCaller>>();

  async function askAll<T>(name: string): Promise<T[]> {
    const answers = await Promise.allSettled(
      [...callers.values()].map((caller) => inTime(caller.call(name, undefined))),
    );
    return answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value as T] : []));
  }

  return {
    add: (line) => void callers.set(line, createLineCaller(line, STATE_CHANNEL)),
    delete(line) {
      callers.get(line)?.close(new Error('The worker has ended'));
      callers.delete(line);
    },
    lines: () => callers.keys(),
    isReady: async () => (await askAll<boolean>('isReady')).includes(true),
    metrics: () => askAll<MetricsSnapshot>('metrics'),
    slowest: async () => slowestOf((await askAll<readonly SlowCall[]>('slowest')).flat(), Date.now()),
  };
}

async function inTime<T>(promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('The worker did not answer in time')), ANSWER_MS_MAX);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
