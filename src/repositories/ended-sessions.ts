import type { Ledger } from '../ledger/ledger.js';
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
  has(name: string): boolean;
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
  return { has: (name) => names.has(name), close: () => replica.close() };
}
