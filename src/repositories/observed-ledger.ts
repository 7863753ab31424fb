import type { WorkObserver } from '../telemetry/work.js';
import type { CachedLedger } from './cached-ledger.js';

interface Asked {
  readonly signal?: AbortSignal | undefined;
}

/** The same ledger, which tells what it is asked for. */
export function observeLedger(ledger: CachedLedger, observer: WorkObserver): CachedLedger {
  const run = <T>(name: string, asked: Asked | undefined, task: () => Promise<T>) =>
    observer.run({ kind: 'ledger', name, signal: asked?.signal }, task);
  return {
    ...ledger,
    get: (collection, id, options) => {
      // No work is done for what is held, and the signal of a call, which is made when it is asked for, costs more than this.
      const held = ledger.getHeld(collection, id, options?.freshness);
      if (held !== undefined) return Promise.resolve(held.value);
      return run('get', options, () => ledger.get(collection, id, options));
    },
    getMany: (collection, ids, options) => run('getMany', options, () => ledger.getMany(collection, ids, options)),
    scan: (collection, options) => run('scan', options, () => ledger.scan(collection, options)),
    query: (collection, options) => run('query', options, () => ledger.query(collection, options)),
    commit: (input, options) => run('commit', options, () => ledger.commit(input, options)),
    transact: (decide, options) => run('transact', options, () => ledger.transact(decide, options)),
  };
}
