import type { Logger } from 'pino';

/** A worker that dies is started again after this time, doubled for each that has died just before. */
const BACKOFF_MS_FIRST = 100;
const BACKOFF_MS_MAX = 10_000;
/** A worker that has lived for so long did not die of its start. */
const SETTLED_MS = 30_000;

/** How a process has ended. */
export interface WorkerEnd {
  readonly code: number | null;
  readonly signal: string | null;
}

/** One process that serves. */
export interface WorkerProcess<Ready> {
  readonly pid: number | undefined;
  /** Resolves when it serves; rejects when it ends before. */
  readonly ready: Promise<Ready>;
  readonly ended: Promise<WorkerEnd>;
  /** Asks it to drain and end; it ends in bounded time. */
  stop(): void;
}

export interface SupervisorDeps<Ready> {
  readonly count: number;
  readonly fork: () => WorkerProcess<Ready>;
  readonly log: Pick<Logger, 'info' | 'error'>;
}

/** Keeps a number of workers running. */
export interface Supervisor<Ready> {
  /** Starts one worker and, once it serves, the others; gives what the first said. Rejects where one does not start. */
  start(): Promise<Ready>;
  /** Replaces the workers one by one: each ends only when its successor serves. Joined where one is under way. */
  replaceAll(): Promise<void>;
  /** Drains and ends all; gives whether each ended well. */
  stop(): Promise<boolean>;
}

export function createSupervisor<Ready>(deps: SupervisorDeps<Ready>): Supervisor<Ready> {
  return new ProcessSupervisor(deps);
}

class ProcessSupervisor<Ready> implements Supervisor<Ready> {
  readonly #deps: SupervisorDeps<Ready>;
  readonly #running = new Set<WorkerProcess<Ready>>();
  /** Their end is wanted, or is their own affair: nothing takes their place. */
  readonly #leaving = new Set<WorkerProcess<Ready>>();
  readonly #restarts = new Set<NodeJS.Timeout>();
  #recentDeaths = 0;
  #hasStarted = false;
  #stopping = false;
  #replacing: Promise<void> | undefined;

  constructor(deps: SupervisorDeps<Ready>) {
    this.#deps = deps;
  }

  async start(): Promise<Ready> {
    const first = await this.#add().ready;
    await Promise.all(Array.from({ length: this.#deps.count - 1 }, () => this.#add().ready));
    this.#hasStarted = true;
    return first;
  }

  replaceAll(): Promise<void> {
    this.#replacing ??= this.#replaceEach()
      // A successor that does not start leaves those that serve in place.
      .catch((err: unknown) => this.#deps.log.error({ err }, 'workers not replaced'))
      .finally(() => {
        this.#replacing = undefined;
      });
    return this.#replacing;
  }

  async stop(): Promise<boolean> {
    this.#stopping = true;
    for (const timer of this.#restarts) clearTimeout(timer);
    const last = [...this.#running];
    for (const worker of last) worker.stop();
    const ends = await Promise.all(last.map(({ ended }) => ended));
    return ends.every(({ code }) => code === 0);
  }

  #add(): WorkerProcess<Ready> {
    const worker = this.#deps.fork();
    const bornMs = performance.now();
    this.#running.add(worker);
    // Whoever waits for it hears of a failure; the end says the same to us.
    worker.ready.catch(() => undefined);
    void worker.ended.then((end) => this.#onEnd(worker, end, performance.now() - bornMs));
    return worker;
  }

  #onEnd(worker: WorkerProcess<Ready>, { code, signal }: WorkerEnd, livedMs: number): void {
    this.#running.delete(worker);
    if (this.#stopping || !this.#hasStarted || this.#leaving.delete(worker)) return;
    if (livedMs > SETTLED_MS) this.#recentDeaths = 0;
    const backoffMs = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_FIRST * 2 ** this.#recentDeaths);
    this.#recentDeaths += 1;
    const what = { worker: worker.pid, code, signal, livedMs: Math.round(livedMs), backoffMs };
    this.#deps.log.error(what, 'worker ended');
    const timer = setTimeout(() => {
      this.#restarts.delete(timer);
      this.#add();
    }, backoffMs);
    this.#restarts.add(timer);
  }

  async #replaceEach(): Promise<void> {
    for (const worker of [...this.#running]) {
      const successor = this.#add();
      this.#leaving.add(successor);
      await successor.ready;
      this.#leaving.delete(successor);
      if (this.#stopping) return;
      this.#leaving.add(worker);
      worker.stop();
      await worker.ended;
    }
    this.#deps.log.info({ workers: this.#running.size }, 'workers replaced');
  }
}
