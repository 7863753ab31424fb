import type { Ledger, Leases } from '../ledger/ledger.js';
import type { JsonObject } from '../store/json-value.js';
import type { Lease } from '../store/lease.js';

const KIND = 'sessions';

/** Holds the sessions that have ended before their access tokens have, by their names. */
export const ENDED_SESSIONS_COLLECTION = 'ended_sessions';

/** One sign-in and all refresh tokens that come of it. Times are milliseconds since 1970. */
export interface SessionFamily {
  readonly name: string;
  readonly userAgent: string;
  readonly address: string;
  readonly createTime: number;
  readonly refreshTime: number;
  readonly expireTime: number;
  /** The number of the refresh token that is valid now. */
  readonly generation: number;
  /** When the tokens before it were exchanged, the newest first. */
  readonly exchangeTimes: readonly number[];
  readonly ended: boolean;
  /** Of the lease that holds it. */
  readonly fence: number | undefined;
}

/** Sessions, each in one lease, so that of two changes at once one finds out. */
export interface SessionFamilies {
  find(name: string, signal?: AbortSignal): Promise<SessionFamily | undefined>;
  /** Tells whether it was stored: not if somebody else changed it since it was read. */
  save(family: SessionFamily, signal?: AbortSignal): Promise<boolean>;
  /** Sessions of a user, by their names. */
  list(user: string, page: { after: string; limit: number }, signal?: AbortSignal): Promise<readonly SessionFamily[]>;
  /** Lets every process know that a session has ended. `until` is when its last access token ends. */
  announceEnd(name: string, until: number): Promise<void>;
}

export function createSessionFamilies(ledger: Ledger): SessionFamilies {
  const leases: Leases = ledger.leases;
  return {
    find: async (id, signal) => {
      const lease = await leases.read({ kind: KIND, id }, signal);
      return lease && toFamily(lease);
    },
    save: async (family, signal) => {
      const { name: id, fence, expireTime } = family;
      return (await leases.swap({ kind: KIND, id, fence, value: toValue(family), expireTime }, signal)) === 'swapped';
    },
    list: async (user, { after, limit }, signal) => {
      const found = await leases.scan({ kind: KIND, prefix: `${user}/sessions/`, after, limit }, signal);
      return found.map(toFamily);
    },
    announceEnd: async (name, until) => {
      const value = { expire_time_ms: until };
      await ledger.commit({ writes: [{ kind: 'put', collection: ENDED_SESSIONS_COLLECTION, id: name, value }] });
    },
  };
}

function toValue(family: SessionFamily): JsonObject {
  const { userAgent, address, createTime, refreshTime, generation, exchangeTimes, ended } = family;
  return { userAgent, address, createTime, refreshTime, generation, exchangeTimes: [...exchangeTimes], ended };
}

/** Only toValue writes these. */
function toFamily({ id, value, expireTime, fence }: Lease): SessionFamily {
  return {
    name: id,
    userAgent: String(value['userAgent'] as string),
    address: String(value['address'] as string),
    createTime: Number(value['createTime']),
    refreshTime: Number(value['refreshTime']),
    generation: Number(value['generation']),
    exchangeTimes: value['exchangeTimes'] as number[],
    ended: value['ended'] === true,
    expireTime,
    fence,
  };
}
