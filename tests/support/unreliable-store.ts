import { StoreFailedError } from '../../src/store/errors.js';
import type { Store } from '../../src/store/store.js';
import { delegateStore } from './delegating-store.js';

const TURNS_MAX = 12;
const FAILS = 0.05;
const REPEATS = 0.15;

/**
 * A store whose network loses, delays, repeats and reorders what goes over it. It keeps the port's promises: a failed
 * append has written nothing, anything else that failed may have happened, and what is repeated may arrive late.
 */
export function unreliable(store: Store, random: () => number): Store & { settle(): Promise<void> } {
  const late = new Set<Promise<unknown>>();

  /** Waits for a number of turns that follows from the seed: what was asked first may so be answered last. */
  const delay = async () => {
    for (let turns = Math.floor(random() * TURNS_MAX); turns > 0; turns -= 1) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const maybeFail = (action: string) => {
    if (random() < FAILS) throw new StoreFailedError(action);
  };
  /** Asks, loses the request or the answer, and asks again when nobody expects it any more. */
  const over = async <T>(action: string, ask: () => Promise<T>): Promise<T> => {
    await delay();
    maybeFail(action);
    if (random() < REPEATS) {
      const repeat = delay().then(ask, ask);
      late.add(repeat);
      repeat.catch(() => undefined).finally(() => late.delete(repeat));
    }
    const answer = await ask();
    await delay();
    maybeFail(action);
    return answer;
  };

  return {
    ...delegateStore(store, {
      append: async (entry) => {
        await delay();
        maybeFail('append');
        const outcome = await store.append(entry);
        // Delivered twice: the second finds the place taken, by itself.
        if (random() < REPEATS) await store.append(entry);
        await delay();
        return outcome;
      },
      apply: (entries) => over('apply', () => store.apply(entries)),
      readTail: (after, limit) => over('read the tail', () => store.readTail(after, limit)),
      readEntries: (after, limit) => over('read entries', () => store.readEntries(after, limit)),
      readApplied: () => over('read what is applied', () => store.readApplied()),
      readFloor: () => over('read the floor', () => store.readFloor()),
      getDocuments: (request) => over('get documents', () => store.getDocuments(request)),
    }),
    async settle() {
      await Promise.allSettled([...late]);
    },
  };
}
