import type { Ledger } from '../ledger/ledger.js';
import type { Freshness } from '../ledger/reads.js';
import { openReplica } from './replica.js';
import type { SweepableResource } from './sweeper.js';
import { ENDED_SESSIONS_COLLECTION } from './session-families.js';

/** What is deleted once no access token of the session is valid any more. */
export const ENDED_SESSIONS: SweepableResource = {
  collection: ENDED_SESSIONS_COLLECTION,
  expireTime: { field: { kind: 'value', keys: ['expire_time_ms'] }, stored: 'milliseconds' },
};

/** The sessions that have ended while access tokens of them may still be valid, as this process has read the log. */
export interface EndedSessions {
  has(name: string, freshness: Freshness): Promise<boolean>;
  close(): void;
}

export async function openEndedSessions(ledger: Ledger): Promise<EndedSessions> {
  const names = new Set<string>();
  const replica = await openReplica({
    ledger,
    collections: [ENDED_SESSIONS_COLLECTION],
    observer: {
      clear: () => names.clear(),
      set: (_collection, id, document) => void (document === undefined ? names.delete(id) : names.add(id)),
    },
  });
  const saw = () => undefined;
  return {
    has: async (name, freshness) => {
      // After this process was away for too long, what it had is gone and has to be read again.
      await replica.reach({ consistency: { freshness, saw } });
      return names.has(name);
    },
    close: () => replica.close(),
  };
}
