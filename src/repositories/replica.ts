import { SCAN_LIMIT_MAX } from '../ledger/limits.js';
import type { Ledger } from '../ledger/ledger.js';
import { documentKey, documentOf } from '../store/effects.js';
import type { StateDocument } from '../store/state.js';
import { readFor, seesHeld, type ReadContext } from './read-context.js';

/** Keeps what the documents of a few collections say. Called in step with the log, so it must be quick and not throw. */
export interface ReplicaObserver {
  /** A document is as given, or is not there. */
  set(collection: string, id: string, document: StateDocument | undefined): void;
  /** Everything is to be forgotten; what there is follows. */
  clear(): void;
}

/**
 * Tells an observer of every document of some small collections, and of each change in the moment this process reads it
 * from the log. So decisions that rest on them need no database, and are as new as the process's place in the log.
 */
export interface Replica {
  /**
   * Settles when the observer is as new as the context asks for; by default, as all that was answered before. Undefined where
   * it is already.
   */
  reach(context?: ReadContext): Promise<void> | undefined;
  close(): void;
}

export interface ReplicaOptions {
  readonly ledger: Pick<Ledger, 'scan' | 'observe' | 'catchUp' | 'waitFor' | 'revision' | 'hasReached'>;
  readonly collections: readonly string[];
  readonly observer: ReplicaObserver;
}

/** Resolves when everything was told once. */
export async function openReplica(options: ReplicaOptions): Promise<Replica> {
  const replica = new LedgerReplica(options);
  await replica.reach(ANY);
  return replica;
}

class LedgerReplica implements Replica {
  readonly #ledger: ReplicaOptions['ledger'];
  readonly #collections: ReadonlySet<string>;
  readonly #observer: ReplicaObserver;
  readonly #stopObserving: () => void;
  /** The newest revision that was seen of each document that changed while everything is read. */
  #changed = new Map<string, number>();
  /** Settles when everything was told; a new one after commits were missed, or a load failed. */
  #loaded: Promise<void> | undefined;
  #generation = 0;

  constructor({ ledger, collections, observer }: ReplicaOptions) {
    this.#ledger = ledger;
    this.#collections = new Set(collections);
    this.#observer = observer;
    this.#stopObserving = ledger.observe({
      commits: (commits) => {
        for (const commit of commits) {
          for (const write of commit.writes) {
            if (this.#collections.has(write.collection))
              this.#take(write.collection, write.id, commit.revision, () => documentOf(write, commit));
          }
        }
      },
      reset: () => this.#forget(),
    });
  }

  reach(context: ReadContext = {}): Promise<void> | undefined {
    if (this.#loaded === LOADED && seesHeld(this.#ledger, context)) return undefined;
    return readFor(this.#ledger, context, async ({ freshness, signal }) => {
      if (freshness === 'latest') await this.#ledger.catchUp({ signal });
      else if (freshness !== 'any' && freshness !== undefined) await this.#ledger.waitFor(freshness, { signal });
      // Commits may be missed again while everything is read.
      while (this.#loaded !== LOADED) await this.#load();
    });
  }

  close(): void {
    this.#stopObserving();
  }

  #take(collection: string, id: string, revision: number, document: () => StateDocument | undefined): void {
    if (this.#loaded !== LOADED) this.#changed.set(documentKey({ collection, id }), revision);
    this.#observer.set(collection, id, document());
  }

  #forget(): void {
    this.#generation += 1;
    this.#loaded = undefined;
    this.#changed = new Map();
    this.#observer.clear();
  }

  #load(): Promise<void> {
    if (this.#loaded === undefined) {
      const generation = this.#generation;
      const settle = (loaded: Promise<void> | undefined) => {
        if (generation === this.#generation) this.#loaded = loaded;
      };
      this.#loaded = this.#readAll(generation).then(
        () => settle(LOADED),
        (err: unknown) => {
          settle(undefined);
          throw err;
        },
      );
    }
    return this.#loaded;
  }

  async #readAll(generation: number): Promise<void> {
    for (const collection of this.#collections) {
      let after = '';
      for (;;) {
        const { documents } = await this.#ledger.scan(collection, { after, limit: SCAN_LIMIT_MAX, freshness: 'any' });
        if (generation !== this.#generation) return;
        for (const document of documents) {
          const { id, revision } = document;
          // What was told since is newer than what the page may have seen.
          if ((this.#changed.get(documentKey(document)) ?? 0) < revision) this.#observer.set(collection, id, document);
        }
        const last = documents.at(-1);
        if (last === undefined || documents.length < SCAN_LIMIT_MAX) break;
        after = last.id;
      }
    }
    this.#changed.clear();
  }
}

const ANY: ReadContext = { consistency: { freshness: 'any', saw: () => undefined } };

/** Stands for a load that has ended well. */
const LOADED: Promise<void> = Promise.resolve();
