import type { Logger } from 'pino';

/** How often each is asked, and how long it may take to answer. */
const ASK_MS = 1000;
const ANSWER_MS_MAX = 2000;
/** A single answer that does not come in time says little: everything in the process shares one thread. */
const FAILURES_MAX = 2;

/** Something outside this process that it works with. */
export interface Dependency {
  /** `database`. */
  readonly name: string;
  /** What becomes of the process while it is lost, for those who run it: `calls are served without it`. */
  readonly withoutIt: string;
  /** Rejects where it does not answer. One at a time is under way. */
  ask(): Promise<unknown>;
}

export interface DependencyWatchDeps {
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** Hears of each that is lost, and of each that is back. */
  readonly onChange: (name: string, state: { readonly working: boolean }) => void;
  readonly askMs?: number;
}

/** Keeps asking what a process depends on whether it is there. */
export interface DependencyWatch {
  add(dependency: Dependency): void;
  /** Gives one line for each that is lost: `redis: lost, calls are served without it`. */
  lost(): string[];
  close(): void;
}

interface Watched {
  readonly dependency: Dependency;
  failures: number;
  isAsking: boolean;
}

/** Whoever opens it closes it. A dependency counts as there until it is shown to be lost. */
export function watchDependencies({ log, onChange, askMs = ASK_MS }: DependencyWatchDeps): DependencyWatch {
  const all: Watched[] = [];

  async function ask(watched: Watched): Promise<void> {
    // A driver may take long to give up; what it says then is old.
    if (watched.isAsking) return settle(watched, false);
    watched.isAsking = true;
    const answer = watched.dependency.ask().finally(() => (watched.isAsking = false));
    const isThere = await inTime(answer);
    settle(watched, isThere);
  }

  function settle(watched: Watched, isThere: boolean): void {
    const { name, withoutIt } = watched.dependency;
    const wasLost = watched.failures >= FAILURES_MAX;
    watched.failures = isThere ? 0 : watched.failures + 1;
    const isLost = watched.failures >= FAILURES_MAX;
    if (isLost === wasLost) return;
    if (isLost) log.warn({ dependency: name }, `dependency is lost: ${withoutIt}`);
    else log.info({ dependency: name }, 'dependency is back');
    onChange(name, { working: !isLost });
  }

  const timer = setInterval(() => {
    for (const watched of all) void ask(watched);
  }, askMs).unref();
  return {
    add: (dependency) => void all.push({ dependency, failures: 0, isAsking: false }),
    lost: () =>
      all
        .filter(({ failures }) => failures >= FAILURES_MAX)
        .map(({ dependency: { name, withoutIt } }) => `${name}: lost, ${withoutIt}`),
    close: () => clearInterval(timer),
  };
}

function inTime(answer: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), ANSWER_MS_MAX);
    answer
      .then(
        () => resolve(true),
        () => resolve(false),
      )
      .finally(() => clearTimeout(timer));
  });
}
