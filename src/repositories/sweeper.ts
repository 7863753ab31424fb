import type { Write } from '../ledger/commit.js';
import { CommitTooLargeError } from '../ledger/errors.js';
import type { Ledger } from '../ledger/ledger.js';
import type { TransactionView } from '../ledger/transact.js';
import type { StateDocument } from '../store/state.js';
import type { ResourceDefinition } from './definition.js';
import { createExpiry, type Expiry } from './expiry.js';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;

/**
 * How long a resource has been expired before it is deleted. Clocks of processes differ: what one has swept, another must
 * not still have shown.
 */
export const SWEEP_GRACE_MS = 5 * MINUTE_MS;

const INTERVAL_MS = MINUTE_MS;
const PAGE_LIMIT = 200;
/** The pages that one round looks at; the next one goes on behind them. */
const PAGES_PER_ROUND = 50;

/** What has to be known of a resource to sweep it. */
export interface SweepableResource extends Pick<ResourceDefinition<never>, 'collection' | 'expireTime'> {
  /** What the end of expired resources takes, where it is more than their deletion. */
  readonly removal?: (view: TransactionView, expired: readonly StateDocument[]) => Promise<readonly Write[]>;
}

export interface SweeperOptions {
  readonly ledger: Pick<Ledger, 'scan' | 'transact'>;
  /** Those that do not expire are passed over. */
  readonly resources: readonly SweepableResource[];
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: { warn(fields: object, message: string): void };
  readonly intervalMs?: number;
}

export interface Sweeper {
  /** Looks at a bounded part of what there is, deletes what has expired, and goes on from there the next time. */
  sweep(): Promise<void>;
  /** How many resources this process has deleted, by collection. */
  swept(): Readonly<Record<string, number>>;
  /** Ends the round that runs, after its page. */
  close(): Promise<void>;
}

/**
 * Deletes expired resources in the background, by ordinary commits that watches see. Any number of processes may do so:
 * each deletion is judged on the newest state, so that what one has deleted, or somebody has renewed, is left alone.
 */
export function startSweeper({ ledger, resources, now, log, intervalMs = INTERVAL_MS }: SweeperOptions): Sweeper {
  const totals: Record<string, number> = {};
  const rounds = resources.flatMap(({ collection, expireTime, removal = deletions }) => {
    if (expireTime === undefined) return [];
    const expiry = createExpiry({ expireTime }, () => now() - SWEEP_GRACE_MS);
    totals[collection] = 0;
    return [{ collection, expiry, removal, after: '' }];
  });
  const closing = new AbortController();
  let running: Promise<void> = Promise.resolve();

  const sweepAll = async () => {
    for (const round of rounds) {
      for (let page = 0; page < PAGES_PER_ROUND && !closing.signal.aborted; page += 1) {
        const { deleted, last } = await sweepPage(ledger, round, closing.signal);
        totals[round.collection] = (totals[round.collection] ?? 0) + deleted;
        round.after = last ?? '';
        if (last === undefined) break;
      }
    }
  };
  const sweep = () => {
    running = running.then(sweepAll).catch((err: unknown) => {
      if (!closing.signal.aborted) log.warn({ err }, 'sweeping expired resources failed');
    });
    return running;
  };
  // Does not keep the process alive; who serves calls does.
  const timer = rounds.length === 0 ? undefined : setInterval(() => void sweep(), intervalMs).unref();
  return {
    sweep,
    swept: () => ({ ...totals }),
    close: async () => {
      clearInterval(timer);
      closing.abort();
      await running;
    },
  };
}

interface Round {
  readonly collection: string;
  readonly expiry: Expiry;
  readonly removal: NonNullable<SweepableResource['removal']>;
  readonly after: string;
}

interface SweptPage {
  readonly deleted: number;
  /** The id to go on behind; undefined at the end. */
  readonly last: string | undefined;
}

async function sweepPage(
  ledger: SweeperOptions['ledger'],
  { collection, expiry, removal, after }: Round,
  signal: AbortSignal,
): Promise<SweptPage> {
  const { documents } = await ledger.scan(collection, { after, limit: PAGE_LIMIT, freshness: 'any', signal });
  const last = documents.length < PAGE_LIMIT ? undefined : documents.at(-1)?.id;
  const isExpired = (document: StateDocument | undefined): document is StateDocument =>
    document !== undefined && !expiry.isThere(document);
  const remove = async (ids: readonly string[]): Promise<number> => {
    let deleted = 0;
    if (ids.length === 0) return deleted;
    try {
      await ledger.transact(
        async (view) => {
          const expired = (await view.getMany(collection, ids)).filter(isExpired);
          deleted = expired.length;
          return removal(view, expired);
        },
        { signal },
      );
      return deleted;
    } catch (err) {
      if (!(err instanceof CommitTooLargeError) || ids.length < 2) throw err;
    }
    const half = Math.ceil(ids.length / 2);
    return (await remove(ids.slice(0, half))) + (await remove(ids.slice(half)));
  };
  return { deleted: await remove(documents.filter(isExpired).map(({ id }) => id)), last };
}

async function deletions(_: TransactionView, expired: readonly StateDocument[]): Promise<readonly Write[]> {
  return expired.map(({ collection, id }) => ({ kind: 'delete', collection, id }));
}
