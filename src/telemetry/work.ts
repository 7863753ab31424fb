/** What does the work: the log and what is read off it, the database under it, the tier beside it. */
export type WorkKind = 'ledger' | 'store' | 'cache';

/** Hears of work when it begins. What it returns is called once, when the work has ended, with what it threw if it did. */
export interface WorkListener {
  begin(kind: WorkKind, name: string): (err?: unknown) => void;
}

/** Is told what a process does for its calls. */
export interface WorkObserver {
  /** Does the work, and tells whoever follows the signal that it was asked for with. */
  run<T>(
    work: { readonly kind: WorkKind; readonly name: string; readonly signal?: AbortSignal | undefined },
    task: Task<T>,
  ): Promise<T>;
}

type Task<T> = () => Promise<T>;

/** Tells work by the signal that it was asked for with: every call has one, and gives it to every await. */
export interface WorkLog extends WorkObserver {
  /** From now on, `listener` hears of what is done with this signal. */
  follow(signal: AbortSignal, listener: WorkListener): void;
}

/** `others` hears of work whose signal nobody follows, or that has none: it is done for several calls at once, or for none. */
export function createWorkLog({ others }: { readonly others?: WorkListener | undefined } = {}): WorkLog {
  const listeners = new WeakMap<AbortSignal, WorkListener>();
  return {
    follow: (signal, listener) => void listeners.set(signal, listener),
    run({ kind, name, signal }, task) {
      const listener = (signal && listeners.get(signal)) ?? others;
      return listener === undefined ? task() : observe(listener.begin(kind, name), task);
    },
  };
}

async function observe<T>(end: (err?: unknown) => void, task: Task<T>): Promise<T> {
  let result: T;
  try {
    result = await task();
  } catch (err) {
    end(err);
    throw err;
  }
  end();
  return result;
}
