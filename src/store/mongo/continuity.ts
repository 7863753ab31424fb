import type { Collection, MongoClient, ReadConcernLevel } from 'mongodb';
import type { Entry } from '../entry.js';
import { StoreReplacedError } from '../errors.js';
import type { Position } from '../store.js';
import { DATA_FORMAT, type LedgerCollections } from './database.js';
import type { StoredEntry } from './documents.js';
import type { Positions } from './positions.js';

/** How long one look at the database vouches for it, where no connection was made or lost meanwhile. */
const LOOK_INTERVAL_MS = 1_000;

/**
 * Makes sure that the database still is the one that was opened, and still has the history that this process has seen. A
 * server may come back empty, or with a backup of yesterday, while processes go on: what they wrote then would stand behind
 * a gap. It looks whenever a connection was made or lost, and at least once a second where anything is asked. What was found
 * replaced stays so for this process. A call under way, whose connection was made for it, may have written something: it is
 * never acknowledged.
 */
export interface Continuity {
  /** Rejects with StoreReplacedError. */
  assure(): Promise<void>;
  /** Gives what the work gives, if the database was the same before it began and after it ended. */
  around<T>(work: () => Promise<T>): Promise<T>;
  /** Notes an entry that is durable in the log. The newest is looked for. */
  saw(entry: Entry): void;
}

/** An end of an entry. */
type Place = Pick<Position, 'revision' | 'hash'>;

export interface ContinuityOptions {
  readonly client: MongoClient;
  readonly databaseId: string;
  readonly collections: LedgerCollections;
  readonly positions: Positions;
  /** A position that the log has come to. */
  readonly start: Place;
  /** The strongest that there is: a primary that was deposed must not answer with an old log. */
  readonly level: ReadConcernLevel;
  readonly elapsed: () => number;
}

export function createContinuity(options: ContinuityOptions): Continuity {
  const { client, elapsed } = options;
  let newest: Place = options.start;
  // Goes up with every connection that is made or lost.
  let changes = 0;
  let looked = { changes, at: elapsed() };
  let looking: Promise<void> | undefined;
  let replaced: StoreReplacedError | undefined;
  for (const event of ['connectionReady', 'connectionClosed', 'connectionPoolCleared'] as const) {
    client.on(event, () => {
      changes += 1;
    });
  }

  const look = async () => {
    const began = { changes, at: elapsed() };
    if (!(await isThere(options, newest))) replaced ??= new StoreReplacedError();
    looked = began;
  };
  const lookOnce = async () => {
    looking ??= look().finally(() => {
      looking = undefined;
    });
    await looking;
    if (replaced) throw replaced;
  };
  const hasChanged = () => looked.changes !== changes;
  const assure = async () => {
    if (replaced) throw replaced;
    if (elapsed() - looked.at > LOOK_INTERVAL_MS) await lookOnce();
    // The look itself may have made one, or have been under way when one was made.
    while (hasChanged()) await lookOnce();
  };
  return {
    assure,
    around: async (work) => {
      await assure();
      const result = await work();
      if (hasChanged() || replaced) await assure();
      return result;
    },
    saw: ({ last, hash }) => {
      if (last > newest.revision) newest = { revision: last, hash };
    },
  };
}

async function isThere(options: ContinuityOptions, newest: Place): Promise<boolean> {
  const { databaseId, collections, positions, level } = options;
  const [mark, hasNewest] = await Promise.all([
    collections.marks.findOne({ _id: 'ledger' }, { readConcern: { level } }),
    newest.revision === 0 || hasPosition(collections.entries, newest, level),
  ]);
  if (mark?.databaseId !== databaseId || mark.format > DATA_FORMAT) return false;
  return hasNewest || (await positions.read('floor')).revision >= newest.revision;
}

async function hasPosition(
  entries: Collection<StoredEntry>,
  { revision, hash }: Place,
  level: ReadConcernLevel,
): Promise<boolean> {
  const options = { sort: { _id: -1 }, projection: { last: 1, hash: 1 }, readConcern: { level } } as const;
  const found = await entries.findOne({ _id: { $lte: revision } }, options);
  return found?.last === revision && found.hash === hash;
}
